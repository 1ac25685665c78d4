// Runs before the first paint, so that a chosen theme does not flash the other one. The toggle is in src/theme.ts.
try {
  const theme = localStorage.getItem("dashboard.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // storage is blocked: the system's theme holds
}
