/** Shows a schema as a list of fields. Fields that are objects can be expanded. */
import { type Field, fieldsOf, innerSchema, type OpenApi, type Schema } from "../reference.ts";
import { Inline } from "./text.tsx";

const DEEPEST = 5;

export function Fields({ document, schema, depth = 0 }: { document: OpenApi; schema: Schema; depth?: number }) {
  return (
    <ul class="fields">
      {fieldsOf(document, schema).map((field) => (
        <FieldRow key={field.name} document={document} field={field} depth={depth} />
      ))}
    </ul>
  );
}

function FieldRow({ document, field, depth }: { document: OpenApi; field: Field; depth: number }) {
  const inner = depth < DEEPEST ? innerSchema(document, field.schema) : undefined;
  return (
    <li class="field-row">
      <div class="field-head">
        <code class="field-name">{field.name}</code>
        <code class="field-type">{field.type}</code>
        {field.required && <span class="field-required">required</span>}
      </div>
      {field.about !== "" && (
        <p class="field-about">
          <Inline text={field.about} />
        </p>
      )}
      {inner && (
        <details class="field-inner">
          <summary>Fields of {field.name}</summary>
          <Fields document={document} schema={inner} depth={depth + 1} />
        </details>
      )}
    </li>
  );
}
