// The check of commit messages lets through what CONTRIBUTING.md asks for, and names what a message lacks.

import { expect, it } from "vitest";
import { judgeCommits } from "./commits.ts";

const BODY = "\n\nA reader of git blame sees no pull request.";
const judge = (message: string) => judgeCommits([{ hash: "abc", message }]);

it.each([
  `Keep the order of records within a raw shard${BODY}`,
  `Process a record once${BODY}`,
  `Bring the design into the repository${BODY}\n\nCo-authored-by: A <a@example.com>`,
  "Merge branch 'a'",
])("takes %s", (message) => {
  expect(judge(message)).toEqual([]);
});

it.each([
  ["Keep it", "abc: no body: say why"],
  ["Keep it\n\nCo-authored-by: A Person of length <a@example.com>", "abc: no body: say why"],
  [
    `Docs: what was found${BODY}`,
    'abc: "Docs: what was found" does not begin with a verb in the imperative, such as "Keep"',
  ],
  [`Keeps the order${BODY}`, 'abc: "Keeps the order" does not begin with a verb in the imperative, such as "Keep"'],
  [`Fixed the order${BODY}`, 'abc: "Fixed the order" does not begin with a verb in the imperative, such as "Keep"'],
  [`The order is kept${BODY}`, 'abc: "The order is kept" does not begin with a verb in the imperative, such as "Keep"'],
  [`Keep the order.${BODY}`, "abc: the subject ends with a full stop"],
  [`Keep ${"x".repeat(70)}${BODY}`, "abc: subject of 75 characters; at most 72"],
  ["Keep the order\nof the records of a shard, always", "abc: no blank line after the subject"],
])("names what %j lacks", (message, finding) => {
  expect(judge(message)).toContain(finding);
});
