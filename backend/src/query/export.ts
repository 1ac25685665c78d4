// Serves `GET /v1/export`: all events of a range as a streamed file. A page is one keyset query, so that nothing is held open in
// the database while a slow client reads. A page is read only after the client has read the previous page.

import { STORE_COLUMNS } from "@behaviour/contract";
import type { Hono } from "hono";
import type { Fragment, Row, Sql } from "postgres";
import * as z from "zod/mini";
import { endpoint, mount, type RecordAction } from "../operation/endpoint.ts";
import { rangeShape, readQuery, type TimeRange, timeRange } from "../operation/parameters.ts";
import { EXPORT_FORMATS, type ExportFormat, exportWriter } from "./export-format.ts";
import { boundInstant, inRange } from "./window.ts";

/** Maximum number of events, of up to 32 KiB each, that an export holds in memory. */
const PAGE_ROWS = 1_000;
const COLUMNS = STORE_COLUMNS.map(({ column }) => column);

const ExportParameters = z.object({ ...rangeShape, format: z._default(z.enum(EXPORT_FORMATS), "ndjson") });

export interface ExportRouteParts {
  sql: Sql;
  record: RecordAction;
  nowMs: () => number;
}

export function mountExport(app: Hono, { sql, record, nowMs }: ExportRouteParts): void {
  mount(app, "/v1/export", {
    GET: endpoint(record, {
      scope: "read",
      action: "events.export",
      read: (c) => readQuery(c, ExportParameters),
      answer: async ({ caller, input, audit }) => {
        const range = timeRange(input, nowMs());
        if (!range.ok) return range;
        const { format } = input;
        await audit({ ...range.value, format });
        const pages = readPages(sql, caller.project, range.value);
        // A fault of the first page is still answered as a fault. A fault of a later page aborts the transfer.
        const first = await pages.next();
        return new Response(ReadableStream.from(encodePages(format, first.done ? [] : first.value, pages)), {
          headers: {
            "content-type": exportWriter(format).contentType,
            "content-disposition": `attachment; filename="events.${format}"`,
            "cache-control": "no-store",
          },
        });
      },
    }),
  });
}

async function* encodePages(
  format: ExportFormat,
  first: Row[],
  rest: AsyncIterable<Row[]>,
): AsyncGenerator<Uint8Array> {
  const writer = exportWriter(format);
  yield writer.begin();
  if (first.length > 0) yield writer.page(first);
  for await (const rows of rest) yield writer.page(rows);
  yield writer.end();
}

/** Oldest first. */
async function* readPages(sql: Sql, project: string, range: TimeRange): AsyncGenerator<Row[], Row[]> {
  let last: Row | undefined;
  for (;;) {
    const rows: Row[] = await readExportPage(sql, project, range, last);
    if (rows.length > 0) yield [...rows];
    if (rows.length < PAGE_ROWS) return [];
    last = rows.at(-1);
  }
}

/** @param last the last row of the previous page */
export async function readExportPage(sql: Sql, project: string, range: TimeRange, last?: Row): Promise<Row[]> {
  return sql`
    select ${sql(COLUMNS)} from event
    where project = ${project} and ${inRange(sql, range)} ${last === undefined ? sql`` : afterRow(sql, last)}
    order by time, message_id
    limit ${PAGE_ROWS}`;
}

/** The bound of `time` alone lets the database skip the chunks and batches before the row, which the pair does not. */
function afterRow(sql: Sql, row: Row): Fragment {
  const time = boundInstant(sql, (row.time as Date).getTime());
  return sql`and time >= ${time} and (time, message_id) > (${time}, ${String(row.message_id)})`;
}
