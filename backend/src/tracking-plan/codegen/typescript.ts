// Generates TypeScript for @behaviour/analytics: a type for each event's properties, `typed(analytics)` whose calls use these
// types, and a function per event. The function also declares the version of an event that has several. Pure.

import { NOTICE, type PlannedCall, protocolsOf } from "./calls.ts";
import type { GeneratedFile } from "./file.ts";
import { type Field, type RecordShape, recordsIn, type Shape } from "./shape.ts";

const TYPED_METHODS = {
  track: "TypedTrack",
  page: "TypedPage",
  identify: "TypedIdentify",
  group: "TypedGroup",
} as const;
type Method = keyof typeof TYPED_METHODS;

export function generateTypescript(all: readonly PlannedCall[]): GeneratedFile {
  // The library is for browsers and servers. Screens are sent by phones.
  const calls = all.filter((call): call is PlannedCall & { type: Method } => call.type !== "screen");
  const methods = (Object.keys(TYPED_METHODS) as Method[]).filter((method) =>
    calls.some(({ type }) => type === method),
  );
  const parts = [
    `// ${NOTICE}`,
    'import type { Analytics, MessageOptions } from "@behaviour/analytics";',
    ...calls.flatMap(({ shape }) => recordsIn(shape)).map(typeOf),
    ...methods.map((method) => overloads(method, calls)),
    typedAnalytics(methods),
    ...calls.map(functionOf),
  ];
  return { path: "tracking-plan.ts", text: `${parts.join("\n\n")}\n` };
}

function typeOf(record: RecordShape): string {
  const lines = record.fields.flatMap((field) => [
    ...comment(field.description, "  "),
    `  ${key(field.key)}${field.required ? "" : "?"}: ${expression(field.shape)};`,
  ]);
  if (record.open) lines.push("  [property: string]: unknown;");
  return [...comment(record.description, ""), `export type ${record.name} = {`, ...lines, "};"].join("\n");
}

function expression(shape: Shape): string {
  switch (shape.kind) {
    case "text":
      return "string";
    case "number":
    case "integer":
      return "number";
    case "flag":
      return "boolean";
    case "null":
      return "null";
    case "anything":
      return "unknown";
    case "choice":
      return shape.values.map((value) => JSON.stringify(value)).join(" | ");
    case "list":
      return `ReadonlyArray<${expression(shape.item)}>`;
    case "union":
      return [...new Set(shape.members.map(expression))].join(" | ");
    case "record":
      return shape.name;
  }
}

function overloads(method: Method, calls: readonly PlannedCall[]): string {
  // If an event has several versions, the overload is the lowest version, because a message that declares no version follows it.
  const own = calls.filter(({ type, saysVersion }) => type === method && !saysVersion);
  // The overload for pages without their own rule comes last. Otherwise it would match the calls of the other pages.
  const ordered = [...own.filter(({ event }) => event !== null), ...own.filter(({ event }) => event === null)];
  const names = own.flatMap(({ event }) => (event === null ? [] : [JSON.stringify(event)]));
  const lines = ordered.flatMap((call) => [
    ...comment(call.description, "  "),
    `  ${signature(method, call, names)}, options?: MessageOptions): string;`,
  ]);
  return [`export interface ${TYPED_METHODS[method]} {`, ...lines, "}"].join("\n");
}

/** The signature up to the options. @param names names of the method's calls that have a name */
function signature(method: Method, { event, shape }: PlannedCall, names: readonly string[]): string {
  const optional = shape.fields.every((field: Field) => !field.required) ? "?" : "";
  const what = method === "track" || method === "page" ? "properties" : "traits";
  const last = `${what}${optional}: ${shape.name}`;
  if (method === "identify" || method === "group")
    return `(${method === "identify" ? "userId" : "groupId"}: string, ${last}`;
  if (event !== null) return `(${method === "track" ? "event" : "name"}: ${JSON.stringify(event)}, ${last}`;
  // Any page except the pages with their own rule, which would otherwise bypass their rule here.
  const name = names.length === 0 ? "string" : `Name extends ${names.join(" | ")} ? never : Name`;
  const parameter = optional === "" ? `name: (${name}) | undefined` : `name?: ${name}`;
  return `${names.length === 0 ? "" : "<Name extends string>"}(${parameter}, ${last}`;
}

function typedAnalytics(methods: readonly Method[]): string {
  const omitted = methods.map((method) => JSON.stringify(method)).join(" | ");
  const members = methods.map((method) => `  ${method}: ${TYPED_METHODS[method]};`);
  return [
    `export type TypedAnalytics = Omit<Analytics, ${omitted === "" ? "never" : omitted}> & {`,
    ...members,
    "};",
    "",
    "/** The same object; its calls take the events of the plan, and no others. */",
    "export function typed(analytics: Analytics): TypedAnalytics {",
    "  return analytics as unknown as TypedAnalytics;",
    "}",
  ].join("\n");
}

function functionOf(call: PlannedCall & { type: Method }): string {
  const { type, event, shape, saysVersion } = call;
  const optional = shape.fields.every((field) => !field.required);
  const what = type === "track" || type === "page" ? "properties" : "traits";
  const first = type === "identify" ? "userId: string" : type === "group" ? "groupId: string" : null;
  const named = type === "page" && event === null ? "name: string | undefined" : first;
  const subject = named === null ? JSON.stringify(event) : (named.split(":")[0] as string);
  const parameters = [
    "analytics: Analytics",
    ...(named === null ? [] : [named]),
    `${what}: ${shape.name}${optional ? " = {}" : ""}`,
    "options: MessageOptions = {}",
  ];
  const options = saysVersion
    ? `{ ...options, context: { ...options.context, ...${JSON.stringify(protocolsOf(call))} } }`
    : "options";
  return [
    ...comment(call.description, ""),
    `export function ${type}${shape.name.replace(new RegExp(`^${type}`, "i"), "")}(${parameters.join(", ")}): string {`,
    `  return analytics.${type}(${subject}, ${what}, ${options});`,
    "}",
  ].join("\n");
}

function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

function comment(text: string | null, indent: string): string[] {
  if (text === null) return [];
  const lines = text.replaceAll("*/", "* /").split(/\r\n|[\n\r\u2028\u2029]/);
  if (lines.length === 1) return [`${indent}/** ${lines[0] ?? ""} */`];
  return [`${indent}/**`, ...lines.map((line) => `${indent} * ${line}`), `${indent} */`];
}
