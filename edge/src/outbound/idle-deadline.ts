// Bounds the wait for an answer's head and for each piece of its body, but not the whole, for answers of unknown length such as
// an export. While the client does not read, no deadline runs.

/** The answer of the call that `start` makes. The signal is aborted if the head is late. */
export async function withIdleDeadline(
  start: (signal: AbortSignal) => Promise<Response>,
  idleMs: number,
): Promise<Response> {
  const controller = new AbortController();
  const answer = await within(start(controller.signal), idleMs, () => controller.abort());
  return answer.body === null ? answer : new Response(boundIdle(answer.body, idleMs), answer);
}

/** The same bytes. The stream fails when a piece is late, so that a reader does not mistake a part for the whole. */
export function boundIdle(source: ReadableStream<Uint8Array>, idleMs: number): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  const giveUp = () => void reader.cancel().catch(() => {}); // The source has already failed.
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await within(reader.read(), idleMs, giveUp);
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

/** @throws Error when the work takes longer. `late` ends the work. */
export async function within<T>(work: Promise<T>, ms: number, late: () => void = () => {}): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      // Reject first: work that `late` ends fails with a less useful reason.
      reject(new Error(`nothing came within ${ms} ms`));
      late();
    }, ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
