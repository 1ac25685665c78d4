// Every reader of client data is timed with texts made of the pieces it looks for, each repeated and each before a repetition of
// another piece. The cost must grow linearly with the text and stay small.

import { describe, expect, it } from "vitest";
import { judgeCosts, worstInputs } from "./cost.ts";
import { CLIENT_READERS, COMMON_PIECES } from "./readers.ts";

describe("readers of client data", () => {
  it.each(CLIENT_READERS)("$name", ({ read, pieces = [] }) => {
    const inputs = worstInputs([...pieces, ...COMMON_PIECES]);
    for (const inputOf of inputs.slice(0, 20)) read(inputOf(512));
    expect(judgeCosts(read, inputs)).toEqual([]);
  });
});
