// How records of a stream are passed to a function: the settings of a Lambda event-source mapping, with the same meaning.

export interface MappingSettings {
  /** The function's name. It also names the checkpoints and the folder of batches in the failure destination. */
  consumer: string;
  stream: string;
  /** Maximum number of records in one invocation. */
  batchSize: number;
  /** Maximum number of data bytes in one invocation. Lambda limits a request to 6 MB, in base64. */
  batchBytes: number;
  /** How long the mapping waits for more records after the first record of a batch. With 0 a batch is the result of one read. */
  batchWindowMs: number;
  /** Pause after a read that returned no records. */
  pollIntervalMs: number;
  /** A function that has not returned by then is killed together with its process. */
  functionTimeoutMs: number;
  /** How often a single record may fail by its own fault before it goes to the failure destination. */
  maximumRetryAttempts: number;
  /** If an invocation fails for any reason, a record older than this goes to the failure destination. */
  maximumRecordAgeMs: number;
  /** Maximum pause between attempts while a store or service is down. */
  backoffMaxMs: number;
}

const DAY_MS = 24 * 60 * 60_000;

export const DEFAULTS = {
  batchSize: 100,
  // Counted compressed. A function holds about ten times as much after decompression.
  batchBytes: 1024 * 1024,
  batchWindowMs: 0,
  pollIntervalMs: 100,
  functionTimeoutMs: 60_000,
  maximumRetryAttempts: 5,
  // The stream's retention. A tier that is down delays only itself and has this long to recover.
  maximumRecordAgeMs: 7 * DAY_MS,
  backoffMaxMs: 30_000,
} as const satisfies Partial<MappingSettings>;
