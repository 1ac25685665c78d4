// The same recorder on the other stream.

export { handler } from "./process.ts";
