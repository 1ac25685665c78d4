// Counts the operations of the production bundle's objects. This module is in front of the bundle in the benchmark's
// configuration only. The bundle contains no part of it. One isolate holds all objects, so plain variables are enough.

const objectRequests = {};
const objectsCalledAtMs = {};
let rowsWritten = 0;
let rowsRead = 0;
let alarmsSet = 0;
let plainExec = null;

/** A log of rows is deleted with its table. Dropping a table writes no row, whatever the table held (edge/src/shard/rows.ts). */
const isDroppedWhole = (table) => /^rows_\d+$/.test(table);

/** The class with a count of each call to its objects. */
export function counted(className, Base) {
  class Counted extends Base {
    constructor(ctx, env) {
      watchStorage(ctx.storage);
      super(ctx, env);
    }

    rowsStanding() {
      const { sql } = this.ctx.storage;
      const exec = (text) => plainExec.call(sql, text).toArray();
      const tables = exec("SELECT name FROM sqlite_master WHERE type = 'table'").filter(
        ({ name }) => !name.startsWith("_cf") && !isDroppedWhole(name),
      );
      return tables.reduce((sum, { name }) => sum + exec(`SELECT count(*) AS rows FROM "${name}"`)[0].rows, 0);
    }
  }
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(Base.prototype))) {
    if (typeof value !== "function" || name === "constructor") continue;
    Counted.prototype[name] = function count(...args) {
      const method = `${className}.${name}`;
      objectRequests[method] = (objectRequests[method] ?? 0) + 1;
      objectsCalledAtMs[`${className}/${this.ctx.id}`] = Date.now();
      return value.apply(this, args);
    };
  }
  return Counted;
}

/** Once for all objects, because their storages share their prototypes. */
function watchStorage(storage) {
  if (plainExec !== null) return;
  const sqlPrototype = Object.getPrototypeOf(storage.sql);
  plainExec = sqlPrototype.exec;
  sqlPrototype.exec = function exec(...args) {
    const cursor = plainExec.apply(this, args);
    // The caller reads the rows in the same turn.
    queueMicrotask(() => {
      rowsWritten += cursor.rowsWritten;
      rowsRead += cursor.rowsRead;
    });
    return cursor;
  };
  const storagePrototype = Object.getPrototypeOf(storage);
  const { setAlarm } = storagePrototype;
  storagePrototype.setAlarm = function count(...args) {
    alarmsSet++;
    return setAlarm.apply(this, args);
  };
}

/** @param namespaces by the name of their class. */
export async function operations(env, namespaces) {
  const standing = await Promise.all(
    Object.keys(objectsCalledAtMs).map((object) => {
      const [className, id] = object.split("/");
      const namespace = namespaces[className];
      return namespace.get(namespace.idFromString(id)).rowsStanding();
    }),
  );
  const rowsStanding = standing.reduce((sum, rows) => sum + rows, 0);
  // The KV stand-in counts its reads.
  const kvReads = Number(await env.KEYS.get("reads"));
  return { objectRequests, rowsWritten, rowsRead, alarmsSet, rowsStanding, kvReads, objectsCalledAtMs };
}
