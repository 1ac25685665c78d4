// Generates Java: a class per event with a builder that checks required properties, and `toMap()` for any client that sends the
// event. Java 8 and later, no dependency. Pure.

import { NOTICE, type PlannedCall } from "./calls.ts";
import type { GeneratedFile } from "./file.ts";
import { camelCase, UniqueNames, upperSnakeCase } from "./names.ts";
import { type Field, type RecordShape, recordsIn, type Shape } from "./shape.ts";

/** Words that cannot be a variable's name, and methods that every generated class has. */
const TAKEN =
  "abstract assert boolean break byte case catch char class const continue default do double else enum extends final finally float for goto if implements import instanceof int interface long native new package private protected public return short static strictfp super switch synchronized this throw throws transient try void volatile while true false null build values builder".split(
    " ",
  );

export function generateJava(calls: readonly PlannedCall[], packageName: string): GeneratedFile[] {
  const folder = `${packageName.replaceAll(".", "/")}/`;
  const file = (name: string, body: string): GeneratedFile => {
    return { path: `${folder}${name}.java`, text: `// ${NOTICE}\npackage ${packageName};\n\n${body}\n` };
  };
  const callOf = new Map(calls.map((call) => [call.shape, call]));
  const records = calls.flatMap(({ shape }) => recordsIn(shape));
  return [
    file("PlannedEvent", PLANNED_EVENT),
    ...records.map((record) => file(record.name, classOf(record, callOf.get(record)))),
  ];
}

const PLANNED_EVENT = `import java.util.Map;

/** An event of the tracking plan, ready to be sent. */
public interface PlannedEvent {
  /** \`track\`, \`page\`, \`screen\`, \`identify\` or \`group\`. */
  String type();

  /** The event's name; null where the type has none. */
  String event();

  /** Its properties, or traits. */
  Map<String, Object> toMap();

  /** What must stand in the message's context; often nothing. */
  Map<String, Object> context();
}`;

interface Member extends Field {
  name: string;
}

function classOf(record: RecordShape, call: PlannedCall | undefined): string {
  const names = new UniqueNames(TAKEN);
  const members = record.fields.map((field): Member => ({ ...field, name: names.take(camelCase(field.key)) }));
  const lines = [
    "import java.util.Collections;",
    "import java.util.LinkedHashMap;",
    "import java.util.Map;",
    "",
    ...comment(call?.description ?? record.description, ""),
    `public final class ${record.name}${call === undefined ? "" : " implements PlannedEvent"} {`,
    "  private final Map<String, Object> members;",
    "",
    `  private ${record.name}(Map<String, Object> members) {`,
    "    this.members = Collections.unmodifiableMap(new LinkedHashMap<>(members));",
    "  }",
    "",
    "  public static Builder builder() {",
    "    return new Builder();",
    "  }",
    "",
    ...(call === undefined ? [] : eventMethods(call)),
    ...(call === undefined ? [] : ["  @Override"]),
    "  public Map<String, Object> toMap() {",
    "    return members;",
    "  }",
    ...members.flatMap(({ shape, name }) => choices(shape, name)),
    "",
    ...builder(record, members),
    "}",
  ];
  return lines.join("\n");
}

function eventMethods({ type, event, version, saysVersion }: PlannedCall): string[] {
  const context = saysVersion
    ? `Collections.<String, Object>singletonMap("protocols", Collections.<String, Object>singletonMap("event_version", ${version}))`
    : "Collections.emptyMap()";
  const method = (signature: string, value: string) => [
    "  @Override",
    `  public ${signature}() {`,
    `    return ${value};`,
    "  }",
    "",
  ];
  return [
    ...method("String type", text(type)),
    ...method("String event", event === null ? "null" : text(event)),
    ...method("Map<String, Object> context", context),
  ];
}

function builder(record: RecordShape, members: readonly Member[]): string[] {
  const required = members.filter((member) => member.required);
  return [
    "  public static final class Builder {",
    "    private final Map<String, Object> members = new LinkedHashMap<>();",
    ...members.flatMap(({ key, name, shape, description }) => [
      "",
      ...comment(description, "    "),
      `    public Builder ${name}(${typeOf(shape, name)} value) {`,
      `      members.put(${text(key)}, ${stored(shape, "value")});`,
      "      return this;",
      "    }",
    ]),
    ...(record.open
      ? [
          "",
          "    /** A property that the plan does not name. */",
          "    public Builder with(String property, Object value) {",
          "      members.put(property, value);",
          "      return this;",
          "    }",
        ]
      : []),
    "",
    ...(required.length === 0 ? [] : ["    /** @throws IllegalStateException when something required was not set */"]),
    `    public ${record.name} build() {`,
    ...required.flatMap(({ key }) => [
      `      if (!members.containsKey(${text(key)})) {`,
      `        throw new IllegalStateException(${text(`${key} is required`)});`,
      "      }",
    ]),
    `      return new ${record.name}(members);`,
    "    }",
    "  }",
  ];
}

/** Lists and objects are stored as types that a JSON writer knows. */
function stored(shape: Shape, value: string): string {
  switch (shape.kind) {
    case "record":
      return `${value}.toMap()`;
    case "choice":
      return isEnum(shape) ? `${value}.value()` : value;
    case "list": {
      const item = stored(shape.item, "item");
      const java = `java.util.stream.Collectors.toList()`;
      return item === "item"
        ? `new java.util.ArrayList<>(${value})`
        : `${value}.stream().map(item -> ${item}).collect(${java})`;
    }
    default:
      return value;
  }
}

function typeOf(shape: Shape, name: string): string {
  switch (shape.kind) {
    case "text":
      return "String";
    case "number":
      return "double";
    case "integer":
      return "long";
    case "flag":
      return "boolean";
    case "record":
      return shape.name;
    case "choice":
      return isEnum(shape) ? enumName(name) : "Object";
    case "list":
      return `java.util.List<${boxed(shape.item, name)}>`;
    case "null":
    case "anything":
    case "union":
      return "Object";
  }
}

function boxed(shape: Shape, name: string): string {
  const type = typeOf(shape, name);
  return { double: "Double", long: "Long", boolean: "Boolean" }[type] ?? type;
}

function isEnum(shape: Shape): boolean {
  return shape.kind === "choice" && shape.values.every((value) => typeof value === "string");
}

/** The enum is nested in its class, so its name need not be unique in the package. */
function enumName(member: string): string {
  return `${member.charAt(0).toUpperCase()}${member.slice(1)}Value`;
}

function choices(shape: Shape, name: string): string[] {
  if (shape.kind === "list") return choices(shape.item, name);
  if (shape.kind !== "choice" || !isEnum(shape)) return [];
  const names = new UniqueNames(["VALUE"]);
  const constants = shape.values.map(
    (value) => `    ${names.take(upperSnakeCase(String(value)))}(${text(String(value))})`,
  );
  return [
    "",
    `  public enum ${enumName(name)} {`,
    `${constants.join(",\n")};`,
    "",
    "    private final String value;",
    "",
    `    ${enumName(name)}(String value) {`,
    "      this.value = value;",
    "    }",
    "",
    "    public String value() {",
    "      return value;",
    "    }",
    "  }",
  ];
}

/** ASCII only, because the encoding in which the source file is read is unknown. */
function text(value: string): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function comment(given: string | null, indent: string): string[] {
  if (given === null) return [];
  // Java reads `\u` in comments too. Characters beyond ASCII are written as HTML, which these comments allow.
  const safe = given
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll("*/", "*&#47;")
    .replaceAll("@", "&#64;")
    .replaceAll("\\", "&#92;")
    .replace(/[^\x20-\x7e\r\n]/gu, (character) => `&#${character.codePointAt(0)};`);
  return [`${indent}/**`, ...safe.split(/\r\n|[\n\r]/).map((line) => `${indent} * ${line}`), `${indent} */`];
}
