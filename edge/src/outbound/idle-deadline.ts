// A deadline for answers whose length nobody knows, an export for one: it bounds the wait for the head and for each piece of
// the body, and not the whole. While the client does not read, nothing is waited for.

/** The answer of a call that `start` makes. The signal it is given is raised once the head is late. */
export async function withIdleDeadline(
  start: (signal: AbortSignal) => Promise<Response>,
  idleMs: number,
): Promise<Response> {
  const controller = new AbortController();
  const answer = await within(start(controller.signal), idleMs, () => controller.abort());
  return answer.body === null ? answer : new Response(boundIdle(answer.body, idleMs), answer);
}

/** The same bytes. It breaks off when a piece does not come in time: a reader must not take what came for the whole. */
export function boundIdle(source: ReadableStream<Uint8Array>, idleMs: number): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  const giveUp = () => void reader.cancel().catch(() => {}); // It broke off already.
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

/** @throws Error when the work takes longer; `late` ends it. */
export async function within<T>(work: Promise<T>, ms: number, late: () => void = () => {}): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      // First: what is ended by `late` fails with a reason that says less.
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
