// Removes everything after `?` or `#` from URLs: click ids, sessions and any other data that identifies a visitor.

/** @param url a text that is a URL, absolute or relative. */
export function bareUrl(url: string): string {
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

const SPACE = /\s/;

/** Cuts each URL with a scheme in any text, or a text that is a relative URL. Reads each character once. */
export function withBareUrls(text: string): string {
  if (!text.includes("?") && !text.includes("#")) return text;
  if (!SPACE.test(text) && isRelativeUrl(text)) return bareUrl(text);
  let bare = "";
  let from = 0;
  for (let at = text.indexOf("://"); at >= 0; at = text.indexOf("://", from)) {
    const end = wordEnd(text, at);
    bare += text.slice(from, at) + bareUrl(text.slice(at, end));
    from = end;
  }
  return bare + text.slice(from);
}

/** `/a?b=c`, `a.html?b=c`, `?b=c`, `/a#b`; not `what?` and not `#1`. */
function isRelativeUrl(text: string): boolean {
  if (text.includes("://")) return false;
  const query = text.indexOf("?");
  return (
    text.startsWith("/") || (query >= 0 && text.includes("=", query)) || (text.startsWith("#") && text.includes("="))
  );
}

function wordEnd(text: string, start: number): number {
  let end = start;
  while (end < text.length && !SPACE.test(text.charAt(end))) end++;
  return end;
}
