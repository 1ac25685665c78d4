/** Renders the Markdown that the document's descriptions use: paragraphs, **strong** and `code`. */

const PIECE = /(\*\*[^*]+\*\*|`[^`]+`)/;

export function Text({ text, class: className }: { text: string; class?: string }) {
  return (
    <>
      {text.split(/\n{2,}/).map((paragraph) => (
        <p key={paragraph} class={className}>
          <Inline text={paragraph} />
        </p>
      ))}
    </>
  );
}

export function Inline({ text }: { text: string }) {
  return (
    <>
      {text.split(PIECE).map((piece, place) => {
        const key = `${place}`;
        if (piece.startsWith("**")) return <strong key={key}>{piece.slice(2, -2)}</strong>;
        if (piece.startsWith("`")) return <code key={key}>{piece.slice(1, -1)}</code>;
        return piece;
      })}
    </>
  );
}
