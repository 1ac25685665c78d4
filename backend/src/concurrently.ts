// Runs a call for many items, a bounded number at a time.

/** @throws the first fault, after all calls that were started have ended. No call is started after a fault of its worker. */
export async function concurrently<T>(
  items: Iterable<T>,
  callsAtOnce: number,
  call: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  const workers = Array.from({ length: callsAtOnce }, async () => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) await call(next.value);
  });
  const ended = await Promise.allSettled(workers);
  for (const end of ended) if (end.status === "rejected") throw end.reason;
}
