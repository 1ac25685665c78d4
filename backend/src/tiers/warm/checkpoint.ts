// Stores the warm tier's checkpoint of each raw shard, which moves in the load's transaction.

import type { TransactionSql } from "postgres";

/** Locks the shard for one load. @returns the position; undefined only if another transaction deleted it */
export async function lockCheckpoint(tx: TransactionSql, rawShard: string): Promise<string | undefined> {
  const lock = () => tx<{ position: string }[]>`
    select position from tier_checkpoint where tier = 'warm' and raw_shard = ${rawShard} for update`;
  const [known] = await lock();
  if (known !== undefined) return known.position;
  await tx`insert into tier_checkpoint (tier, raw_shard, position) values ('warm', ${rawShard}, '') on conflict do nothing`;
  const [begun] = await lock();
  return begun?.position;
}

/** Never moves backwards, because a diverted event may be delivered again after later events. @returns whether it moved */
export async function moveCheckpoint(
  tx: TransactionSql,
  { rawShard, position }: { rawShard: string; position: string },
): Promise<boolean> {
  const { count } = await tx`
    update tier_checkpoint set position = ${position}
    where tier = 'warm' and raw_shard = ${rawShard} and position collate "C" < ${position}`;
  return count > 0;
}
