// Generates Python for clients of Segment's form (`client.track(user_id=…, event=…, properties=…)`): a TypedDict for each event's
// properties and a function per event. Python 3.8 and later, no dependency. Pure.

import { NOTICE, type PlannedCall, protocolsOf } from "./calls.ts";
import type { GeneratedFile } from "./file.ts";
import { snakeCase } from "./names.ts";
import { type Field, type RecordShape, recordsIn, type Shape } from "./shape.ts";

const HEADER = `from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List, Literal, Mapping, Optional, Protocol, TypedDict, Union


class Client(Protocol):
    """A client of Segment's form: it takes these as keyword arguments."""

    def track(self, *args: Any, **kwargs: Any) -> Any: ...

    def page(self, *args: Any, **kwargs: Any) -> Any: ...

    def screen(self, *args: Any, **kwargs: Any) -> Any: ...

    def identify(self, *args: Any, **kwargs: Any) -> Any: ...

    def group(self, *args: Any, **kwargs: Any) -> Any: ...


def _given(**arguments: Any) -> Dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}


def _context(context: Optional[Mapping[str, Any]], version: int) -> Dict[str, Any]:
    return {**(context or {}), "protocols": {"event_version": version}}`;

export function generatePython(calls: readonly PlannedCall[]): GeneratedFile {
  const parts = [
    `# ${NOTICE}`,
    HEADER,
    ...calls.flatMap(({ shape }) => recordsIn(shape)).map(typeOf),
    ...calls.map(functionOf),
  ];
  return { path: "tracking_plan.py", text: `${parts.join("\n\n\n")}\n` };
}

/** The functional form allows keys that are not names. There are two types, because only later Pythons mark single fields. */
function typeOf({ name, fields }: RecordShape): string {
  const part = (suffix: string, own: readonly Field[], total: boolean) => {
    const members = own.map(({ key, shape }) => `        ${JSON.stringify(key)}: ${expression(shape)},`);
    return [
      `_${name}${suffix} = TypedDict(`,
      `    "_${name}${suffix}",`,
      ...(members.length === 0 ? ["    {},"] : ["    {", ...members, "    },"]),
      ...(total ? [] : ["    total=False,"]),
      ")",
    ].join("\n");
  };
  const required = fields.filter((field) => field.required);
  const optional = fields.filter((field) => !field.required);
  const bases = [
    ...(required.length === 0 ? [] : [part("Required", required, true)]),
    ...(optional.length === 0 && required.length > 0 ? [] : [part("Optional", optional, false)]),
  ];
  const names = [
    ...(required.length === 0 ? [] : [`_${name}Required`]),
    ...(optional.length === 0 && required.length > 0 ? [] : [`_${name}Optional`]),
  ];
  const described = fields.filter(({ description }) => description !== null);
  const body =
    described.length === 0
      ? ["    pass"]
      : described.map(({ key, description }) => `    # ${oneLine(key)}: ${oneLine(description ?? "")}`);
  const end = described.length === 0 ? [] : ["    pass"];
  return [bases.join("\n\n"), "", "", `class ${name}(${names.join(", ")}):`, ...body, ...end].join("\n");
}

function expression(shape: Shape): string {
  switch (shape.kind) {
    case "text":
      return "str";
    case "number":
      return "Union[int, float]";
    case "integer":
      return "int";
    case "flag":
      return "bool";
    case "null":
      return "None";
    case "anything":
      return "Any";
    case "choice":
      return choice(shape.values);
    case "list":
      return `List[${expression(shape.item)}]`;
    case "union":
      return `Union[${[...new Set(shape.members.map(expression))].join(", ")}]`;
    case "record":
      return shape.name;
  }
}

/** Python's Literal does not allow fractions. */
function choice(values: readonly unknown[]): string {
  if (values.some((value) => typeof value === "number" && !Number.isInteger(value))) return "Any";
  return `Literal[${values.map(literal).join(", ")}]`;
}

function literal(value: unknown): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  return JSON.stringify(value);
}

const PERSON = ["user_id: Optional[str] = None", "anonymous_id: Optional[str] = None"];
const REST = [
  "context: Optional[Mapping[str, Any]] = None",
  "timestamp: Optional[datetime] = None",
  "integrations: Optional[Mapping[str, Any]] = None",
  "message_id: Optional[str] = None",
];

function functionOf(call: PlannedCall): string {
  const { type, event, shape, saysVersion } = call;
  const what = type === "identify" || type === "group" ? "traits" : "properties";
  const optional = shape.fields.every((field) => !field.required);
  const name = snakeCase(shape.name).replace(new RegExp(`^${type}_?`), "");
  const parameters = [
    "client: Client",
    ...(type === "group" ? ["group_id: str"] : []),
    optional ? `${what}: Optional[${shape.name}] = None` : `${what}: ${shape.name}`,
    "*",
    ...((type === "page" || type === "screen") && event === null ? ["name: Optional[str] = None"] : []),
    ...PERSON,
    ...REST,
  ];
  const nameArgument = type === "track" ? "event" : "name";
  const named =
    event === null
      ? type === "page" || type === "screen"
        ? ["name=name"]
        : []
      : [`${nameArgument}=${JSON.stringify(event)}`];
  const context = saysVersion
    ? `context=_context(context, ${protocolsOf(call).protocols.event_version})`
    : "context=context";
  const given = [
    "user_id=user_id",
    "anonymous_id=anonymous_id",
    ...(type === "group" ? ["group_id=group_id"] : []),
    ...named,
    `${what}=dict(${optional ? `${what} or {}` : what})`,
    context,
    "timestamp=timestamp",
    "integrations=integrations",
    "message_id=message_id",
  ];
  return [
    `def ${name === "" ? type : `${type}_${name}`}(`,
    ...parameters.map((parameter) => `    ${parameter},`),
    ") -> Any:",
    `    ${JSON.stringify(call.description)}`,
    `    return client.${type}(`,
    "        **_given(",
    ...given.map((argument) => `            ${argument},`),
    "        )",
    "    )",
  ].join("\n");
}

function oneLine(text: string): string {
  return text.replace(/[\r\n\u2028\u2029]+/g, " ");
}
