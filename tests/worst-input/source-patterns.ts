// The regular expressions in source files. They are found by reading the code just far enough to tell a pattern from a division,
// a string and a comment.

export interface SourcePattern {
  source: string;
  flags: string;
  line: number;
}

/** Signs that may precede a pattern but not a division. */
const BEFORE_PATTERN = new Set([..."(,=:[!&|?{};>+"].concat(""));
const WORDS_BEFORE = /(?:^|[^\w$.])(?:return|typeof|case|of|in|await|yield)$/;

export function patternsIn(code: string): SourcePattern[] {
  const patterns: SourcePattern[] = [];
  let line = 1;
  let before = "";
  for (let at = 0; at < code.length; ) {
    const sign = code[at] as string;
    const end = endOfToken(code, at, before);
    if (sign === "/" && end > at + 1 && code[at + 1] !== "/" && code[at + 1] !== "*") {
      const flags = /^[a-z]*/.exec(code.slice(end))?.[0] ?? "";
      patterns.push({ source: code.slice(at + 1, end - 1), flags, line });
    }
    const token = code.slice(at, end);
    line += token.split("\n").length - 1;
    const isComment = token.startsWith("//") || token.startsWith("/*");
    if (!isComment && token.trim() !== "") before = (before + token).slice(-20);
    at = end;
  }
  return patterns;
}

/** The end of a comment, a string, a template (whatever it contains), a pattern or one character. */
function endOfToken(code: string, at: number, before: string): number {
  const sign = code[at];
  if (sign === '"' || sign === "'" || sign === "`") return endOfString(code, at);
  if (sign !== "/") return at + 1;
  if (code[at + 1] === "/") return endOr(code, code.indexOf("\n", at));
  if (code[at + 1] === "*") return endOr(code, code.indexOf("*/", at) + 2);
  const last = before.at(-1) ?? "";
  return BEFORE_PATTERN.has(last) || WORDS_BEFORE.test(before) ? endOfPattern(code, at) : at + 1;
}

function endOr(code: string, at: number): number {
  return at < 2 ? code.length : at;
}

function endOfString(code: string, start: number): number {
  let at = start + 1;
  while (at < code.length && code[at] !== code[start]) at += code[at] === "\\" ? 2 : 1;
  return at + 1;
}

function endOfPattern(code: string, start: number): number {
  let isInClass = false;
  for (let at = start + 1; at < code.length; at++) {
    const sign = code[at];
    if (sign === "\\") at++;
    else if (sign === "[") isInClass = true;
    else if (sign === "]") isInClass = false;
    else if (sign === "/" && !isInClass) return at + 1;
    else if (sign === "\n") break;
  }
  return start + 1;
}
