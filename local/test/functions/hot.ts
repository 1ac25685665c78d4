// The same recorder, for the other stream.

export { handler } from "./process.ts";
