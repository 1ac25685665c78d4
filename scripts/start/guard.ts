// Loaded before every child's own code (`node --import`). When the supervisor has ended, even by `kill -9`, the child has a short
// time to end by itself. After that its whole process group is killed, so that no process of a start is left behind.

const END_BY_ITSELF_MS = 10_000;

function endSoon(): void {
  setTimeout(() => process.kill(-process.pid, "SIGKILL"), END_BY_ITSELF_MS).unref();
}

if (process.send !== undefined) {
  if (process.connected) process.once("disconnect", endSoon);
  else endSoon();
  // The listener alone would keep a process alive that has no more work.
  process.channel?.unref();
}
