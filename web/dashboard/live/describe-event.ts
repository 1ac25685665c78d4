/** Describes an event in a few words: what happened, and where. */
import type { EventRow } from "../api/types.ts";

export interface EventDescription {
  title: string;
  detail: string;
}

export function describeEvent(row: EventRow): EventDescription {
  const name = row.event ?? row.name ?? undefined;
  const path = pathOf(row);
  switch (row.type) {
    case "page":
      return { title: name ? `Viewed ${name}` : "Viewed page", detail: path ?? "page" };
    case "screen":
      return { title: name ? `Viewed ${name}` : "Viewed screen", detail: path ?? "screen" };
    case "identify":
      return { title: "Identified", detail: path ?? "identify" };
    case "group":
      return { title: "Joined group", detail: path ?? "group" };
    case "alias":
      return { title: "Merged ids", detail: path ?? "alias" };
    default:
      return { title: name ?? "Unnamed event", detail: path ?? row.type };
  }
}

function pathOf({ context, properties }: EventRow): string | undefined {
  const page = context?.page;
  const path = typeof page === "object" && page !== null ? (page as Record<string, unknown>).path : properties?.path;
  return typeof path === "string" && path !== "" ? path : undefined;
}
