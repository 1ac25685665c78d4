/** Shows one call: its purpose, its input, its answers, and an example to try. */
import { CopyButton } from "../../dashboard/components/copy-button.tsx";
import { type Answer, fieldsOf, innerSchema, type OpenApi, type Operation, typeName } from "../reference.ts";
import { Fields } from "./fields.tsx";
import { Inline, Text } from "./text.tsx";

export function OperationView({ document, operation }: { document: OpenApi; operation: Operation }) {
  const { id, method, path, aliases, summary, description, scope } = operation;
  return (
    <article class="operation" id={id} data-testid="operation">
      <div class="operation-about">
        <h3>
          <a href={`#${id}`}>{summary}</a>
        </h3>
        <p class="operation-address">
          <Method method={method} />
          <code>{path}</code>
        </p>
        {aliases.length > 0 && (
          <p class="operation-aliases">
            Also <Inline text={aliases.map((alias) => `\`${alias}\``).join(", ")} />
          </p>
        )}
        <p class="operation-key">
          {scope === undefined ? (
            "No key needed"
          ) : (
            <>
              Key with scope <code>{scope}</code>
            </>
          )}
        </p>
        {description && <Text text={description} />}
        <Parameters operation={operation} />
        <Body document={document} operation={operation} />
        <h4>Answers</h4>
        {operation.answers.map((answer) => (
          <AnswerView key={answer.status} document={document} answer={answer} />
        ))}
      </div>
      <div class="operation-examples">
        <Sample title="Example" text={operation.curl} />
        {operation.answers.map(
          ({ status, example }) =>
            example !== undefined && <Sample key={status} title={`Answer ${status}`} text={pretty(example)} />,
        )}
      </div>
    </article>
  );
}

export function Method({ method }: { method: string }) {
  return <span class={`method method-${method.toLowerCase()}`}>{method}</span>;
}

function Parameters({ operation: { parameters } }: { operation: Operation }) {
  if (parameters.length === 0) return null;
  return (
    <>
      <h4>Parameters</h4>
      <ul class="fields">
        {parameters.map(({ name, in: place, description, required, schema }) => (
          <li key={name} class="field-row">
            <div class="field-head">
              <code class="field-name">{name}</code>
              <code class="field-type">{typeName(schema)}</code>
              <span class="field-place">{place}</span>
              {required && <span class="field-required">required</span>}
            </div>
            <p class="field-about">
              <Inline text={description} />
              {schema.default !== undefined && (
                <>
                  {" "}
                  Default <code>{JSON.stringify(schema.default)}</code>.
                </>
              )}
            </p>
          </li>
        ))}
      </ul>
    </>
  );
}

function Body({ document, operation: { body } }: { document: OpenApi; operation: Operation }) {
  if (!body) return null;
  return (
    <>
      <h4>
        Body <code class="field-type">{typeName(body.schema)}</code>
        {!body.required && <span class="field-place">optional</span>}
      </h4>
      {body.description && <Text text={body.description} />}
      <Fields document={document} schema={innerSchema(document, body.schema) ?? body.schema} />
    </>
  );
}

function AnswerView({ document, answer }: { document: OpenApi; answer: Answer }) {
  const { status, description, schema, mediaTypes } = answer;
  const isGood = status < 400;
  const fields = isGood && schema && fieldsOf(document, schema).length > 0 ? schema : undefined;
  return (
    <details class="answer" data-status={status}>
      <summary>
        <span class={`status ${isGood ? "status-good" : "status-bad"}`}>{status}</span>
        <span class="answer-summary">
          <Inline text={isGood ? description : codesIn(description)} />
        </span>
      </summary>
      <div class="answer-body">
        {isGood ? (
          mediaTypes.length > 0 && <p class="answer-media">{mediaTypes.join(", ")}</p>
        ) : (
          <Text text={description} />
        )}
        {fields && <Fields document={document} schema={fields} />}
      </div>
    </details>
  );
}

/** The codes of an error's description. The description has one code per line. */
function codesIn(description: string): string {
  return [...description.matchAll(/^`\w+`/gm)].map(([code]) => code).join(" ");
}

function Sample({ title, text }: { title: string; text: string }) {
  if (text === "") return null;
  return (
    <div class="sample">
      <div class="sample-head">
        <span>{title}</span>
        <CopyButton text={text} what={title.toLowerCase()} />
      </div>
      <pre>
        <code>{text}</code>
      </pre>
    </div>
  );
}

function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
