// A test that takes longer than a minute has a short form for `npm test`. `npm run chaos` runs the full form.

export function chaosSize<T>(sizes: { short: T; full: T }): T {
  return process.env.CHAOS === "full" ? sizes.full : sizes.short;
}
