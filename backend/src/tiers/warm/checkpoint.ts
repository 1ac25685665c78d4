// How far the warm tier has come in a raw shard, moved in the transaction that loads.

import type { TransactionSql } from "postgres";

/** Whoever holds it loads this shard alone. @returns the position; undefined only when another transaction took it away. */
export async function lockCheckpoint(tx: TransactionSql, rawShard: string): Promise<string | undefined> {
  const lock = () => tx<{ position: string }[]>`
    select position from tier_checkpoint where tier = 'warm' and raw_shard = ${rawShard} for update`;
  const [known] = await lock();
  if (known !== undefined) return known.position;
  await tx`insert into tier_checkpoint (tier, raw_shard, position) values ('warm', ${rawShard}, '') on conflict do nothing`;
  const [begun] = await lock();
  return begun?.position;
}

/** @returns whether it moved: never backwards, for an event that is diverted may come again after later ones were loaded. */
export async function moveCheckpoint(
  tx: TransactionSql,
  { rawShard, position }: { rawShard: string; position: string },
): Promise<boolean> {
  const { count } = await tx`
    update tier_checkpoint set position = ${position}
    where tier = 'warm' and raw_shard = ${rawShard} and position collate "C" < ${position}`;
  return count > 0;
}
