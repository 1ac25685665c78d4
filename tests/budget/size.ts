// `npm run budget` is the full form. It checks the exact bounds on a machine that does nothing else. The short form in `npm test`
// allows for a busy machine and tries fewer bodies.

export const IS_FULL = process.env.BUDGET === "full";
/** The factor by which a bound may be exceeded. */
export const ROOM = IS_FULL ? 1 : 4;
