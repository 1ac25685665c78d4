// Calls another object within a deadline, and retries once if the runtime says that a retry may help.

import { LIMITS } from "@behaviour/contract";

/**
 * @param call uses a new stub each time: a stub is permanently broken after a failed call.
 * @throws the last fault, or that the object did not answer in time.
 */
export async function callObject<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await withDeadline(call());
  } catch (fault) {
    const { retryable, overloaded } = fault as { retryable?: boolean; overloaded?: boolean };
    if (retryable !== true || overloaded === true) throw fault;
    return withDeadline(call());
  }
}

async function withDeadline<T>(answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), LIMITS.callDeadlineMs);
  });
  try {
    return await Promise.race([answer, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
