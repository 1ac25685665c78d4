/** Shows JSON with its parts coloured. It is built as text nodes, so no content of an event can become markup. */

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

export function JsonView({ json }: { json: string }) {
  return (
    // The code scrolls sideways, so it must be reachable by keyboard.
    <pre class="json" tabIndex={0} data-testid="drawer-json">
      <code>{colour(json)}</code>
    </pre>
  );
}

function colour(json: string) {
  const parts = [];
  let end = 0;
  for (const match of json.matchAll(TOKEN)) {
    const [token, text, colon] = match;
    parts.push(json.slice(end, match.index));
    if (text && colon) parts.push(<span class="json-key">{text}</span>, colon);
    else parts.push(<span class={text ? "json-string" : "json-value"}>{token}</span>);
    end = match.index + token.length;
  }
  parts.push(json.slice(end));
  return parts;
}
