import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { STORE_COLUMNS } from "@behaviour/contract";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, expect, it } from "vitest";
import { csvCell } from "../../src/query/export-format.ts";
import { CALLER, openWarehouse, type Warehouse } from "./warehouse.ts";

const START = Date.parse("2026-05-01T00:00:00Z");
const RANGE = "from=2026-05-01&to=2026-05-02";
const COUNT = 2_500;
let warehouse: Warehouse;
let folder: string;
beforeAll(async () => {
  warehouse = await openWarehouse();
  folder = await mkdtemp(join(tmpdir(), "export-"));
  // Seven events share each time, so that pages end between events of the same time.
  await warehouse.store(
    Array.from({ length: COUNT }, (_, n) => ({
      messageId: `e-${String(n).padStart(5, "0")}`,
      time: START + Math.floor(n / 7) * 1_000,
      event: n === 0 ? '=HYPERLINK("http://evil")' : "Exported",
      properties: { n, text: 'a "quoted", text\n' },
    })),
  );
  await warehouse.store([{ project: "p_other", messageId: "theirs", time: START }]);
}, 60_000);
afterAll(async () => {
  await warehouse.stop();
  await rm(folder, { recursive: true, force: true });
});

async function download(format: string): Promise<{ headers: Headers; bytes: Uint8Array }> {
  const response = await warehouse.app.request(`/v1/export?${RANGE}&format=${format}`, { headers: CALLER });
  expect(response.status).toBe(200);
  return { headers: response.headers, bytes: new Uint8Array(await response.arrayBuffer()) };
}

async function query(sql: string) {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const rows = (await connection.runAndReadAll(sql)).getRowObjects();
  connection.closeSync();
  return rows;
}

it("streams every event once, in order, as NDJSON", async () => {
  const { headers, bytes } = await download("ndjson");
  expect(headers.get("content-type")).toBe("application/x-ndjson");
  const lines = new TextDecoder().decode(bytes).trimEnd().split("\n");
  const ids = lines.map((line) => (JSON.parse(line) as { messageId: string }).messageId);
  expect(ids).toEqual(Array.from({ length: COUNT }, (_, n) => `e-${String(n).padStart(5, "0")}`));
});

it.each(["csv", "parquet"])("returns a %s file that DuckDB reads, with the columns of the store", async (format) => {
  const file = join(folder, `events.${format}`);
  await writeFile(file, (await download(format)).bytes);
  const [counted] = await query(`select count(distinct message_id)::int as n, count(*)::int as all from '${file}'`);
  expect(counted).toEqual({ n: COUNT, all: COUNT });
  const [row] = await query(
    `select epoch_ms(time::timestamp)::bigint::text as time, event, properties::json ->> 'text' as text from '${file}' where message_id = 'e-00008'`,
  );
  expect(row).toEqual({ time: String(START + 1_000), event: "Exported", text: 'a "quoted", text\n' });
  const columns = await query(`select column_name from (describe select * from '${file}')`);
  expect(columns.map(({ column_name }) => column_name)).toEqual(STORE_COLUMNS.map(({ column }) => column));
});

it("writes no value into a CSV that a spreadsheet would execute", async () => {
  const text = new TextDecoder().decode((await download("csv")).bytes);
  expect(text).toContain(`"'=HYPERLINK(""http://evil"")"`);
  for (const cell of ["=1", "+1", "-1", "@x", "\tx", "\rx"]) expect(csvCell(cell).replace(/^"/, "")).toMatch(/^'/);
});

it("returns a complete, empty file for a range without events", async () => {
  const response = await warehouse.app.request("/v1/export?from=2020-01-01&to=2020-01-02&format=csv", {
    headers: CALLER,
  });
  expect((await response.text()).split("\r\n")).toEqual([STORE_COLUMNS.map(({ column }) => column).join(","), ""]);
});

it("refuses another format", async () => {
  const { status, body } = await warehouse.get("/v1/export?format=xlsx");
  expect([status, body.pointer]).toEqual([400, "/format"]);
});
