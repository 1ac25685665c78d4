// The form of commit messages: a subject in the imperative of at most 72 characters, and a body that says why. A pull request's text is
// not in `git blame`; the message is. Commits before the base are older than this rule.

import { runCommand } from "../run-command.ts";

/** The last commit that the rule does not judge. A clone without it (a shallow one) is not judged. */
const BASE = "7c607b78ec24f0e00704d8510b41885a2e8fe8a4";
const LISTING_DEADLINE_MS = 30_000;

const SUBJECT_LENGTH_MAX = 72;
/** A body is a sentence, not a word. */
const BODY_LENGTH_MIN = 20;
/** Words that no imperative begins with. */
const NO_VERBS = new Set([
  "a",
  "an",
  "the",
  "this",
  "that",
  "these",
  "what",
  "who",
  "when",
  "where",
  "some",
  "more",
  "new",
]);
/** Verbs that end like another form. */
const VERBS =
  /^(?:pass|process|express|address|access|press|cross|guess|miss|toss|focus|discuss|dress|bring|string|ping|sing|spring|feed|need|seed|speed|embed|shed|wed)$/;
const OTHER_FORM = /(?:[^s]s|ss|ed|ing)$/;
const TRAILER = /^[A-Z][\w-]+: \S/;

export interface Commit {
  hash: string;
  message: string;
}

/** @returns what is wrong with the messages, one line each. */
export function judgeCommits(commits: readonly Commit[]): string[] {
  return commits.flatMap(({ hash, message }) => judgeMessage(message).map((finding) => `${hash}: ${finding}`));
}

function judgeMessage(message: string): string[] {
  const [subject = "", blank = "", ...rest] = message.trim().split("\n");
  if (/^(?:Merge|Revert) /.test(subject)) return [];
  const body = rest
    .filter((line) => !TRAILER.test(line))
    .join(" ")
    .trim();
  return [
    ...(subject.length > SUBJECT_LENGTH_MAX
      ? [`subject of ${subject.length} characters; at most ${SUBJECT_LENGTH_MAX}`]
      : []),
    ...(isImperative(subject) ? [] : [`"${subject}" does not begin with a verb in the imperative, such as "Keep"`]),
    ...(subject.endsWith(".") ? ["the subject ends with a full stop"] : []),
    ...(blank === "" ? [] : ["no blank line after the subject"]),
    ...(body.length < BODY_LENGTH_MIN ? ["no body: say why"] : []),
  ];
}

function isImperative(subject: string): boolean {
  const first = /^([A-Z][a-z]+) \S/.exec(subject)?.[1]?.toLowerCase();
  if (first === undefined || NO_VERBS.has(first)) return false;
  return VERBS.test(first) || !OTHER_FORM.test(first);
}

/** The commits since the base. @returns null where the history does not reach it. */
export async function readCommits(): Promise<Commit[] | null> {
  const git = (...args: string[]) =>
    runCommand("git", ["-c", "safe.directory=*", ...args], { deadlineMs: LISTING_DEADLINE_MS, output: "keep" });
  if ((await git("merge-base", "--is-ancestor", BASE, "HEAD")).exitCode !== 0) return null;
  const { exitCode, output, problem } = await git("log", "--format=%h%x01%B%x02", `${BASE}..HEAD`);
  if (exitCode !== 0) throw new Error(`git can't list the commits: ${problem ?? output.trim()}`);
  return output
    .split("\x02")
    .map((entry) => entry.trim().split("\x01"))
    .filter(([hash]) => hash !== "")
    .map(([hash, message]) => ({ hash: hash as string, message: message ?? "" }));
}
