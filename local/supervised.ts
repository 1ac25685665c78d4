// The child's side of the supervision by scripts/start.ts, over the IPC channel. The child reports that it is ready, answers
// pings, and stops on request. It does not outlive its parent, even if the parent is killed.

export interface ReadyMessage {
  kind: "ready";
  /** Addresses and similar values that the parent passes on. */
  result: Record<string, string>;
}

export type ChildMessage = ReadyMessage | { kind: "pong" };
export type ParentMessage = { kind: "ping" } | { kind: "stop" };

/** `stop` ends the work in progress. The process exits when `stop` returns, or after `stopDeadlineMs`. */
export function announceReady(result: Record<string, string>, stop: () => Promise<void>, stopDeadlineMs = 8_000): void {
  let stopping = false;
  const end = () => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(1), stopDeadlineMs).unref();
    stop().then(
      () => process.exit(0),
      (fault: unknown) => {
        console.error(fault);
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
  if (process.send === undefined) {
    console.log(JSON.stringify(result));
    return;
  }
  process.on("disconnect", end);
  process.on("message", (message: ParentMessage) => {
    if (message.kind === "stop") end();
    else if (message.kind === "ping") tell({ kind: "pong" });
  });
  tell({ kind: "ready", result });
}

function tell(message: ChildMessage): void {
  // The channel may have closed in the meantime. The "disconnect" handler covers that case.
  process.send?.(message, () => undefined);
}
