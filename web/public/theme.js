// Runs before the first paint, so that the page does not flash the other theme. The toggle is in dashboard/theme.ts.
try {
  const theme = localStorage.getItem("dashboard.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // storage is blocked: the system's theme applies
}
