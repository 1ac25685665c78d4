// Loaded before every child's own code (`node --import`): when the supervisor has vanished, even by `kill -9`, the child has a
// moment to end by itself; then its whole process group goes, so that no process of any start is left behind.

const END_BY_ITSELF_MS = 10_000;

function endSoon(): void {
  setTimeout(() => process.kill(-process.pid, "SIGKILL"), END_BY_ITSELF_MS).unref();
}

if (process.send !== undefined) {
  if (process.connected) process.once("disconnect", endSoon);
  else endSoon();
  // Listening alone would keep a process alive that has nothing left to do.
  process.channel?.unref();
}
