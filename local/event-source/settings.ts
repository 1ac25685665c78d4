// How a stream is handed to a function: the settings a Lambda event-source mapping has, with the same meaning.

export interface MappingSettings {
  /** Names the checkpoints and the folder of undelivered batches; the function's name. */
  consumer: string;
  stream: string;
  /** Most records of one invocation. */
  batchSize: number;
  /** Most bytes of one invocation's data. Lambda's request limit is 6 MB, in base64. */
  batchBytes: number;
  /** How long a batch is waited for after its first record. 0: whatever one read brings. */
  batchWindowMs: number;
  /** Pause after a read that brought nothing. */
  pollIntervalMs: number;
  /** A function that has not returned by then is killed with its process. */
  functionTimeoutMs: number;
  /** How often a single record may fail by its own fault before it goes to the failure destination. */
  maximumRetryAttempts: number;
  /** A record older than this is given up once an invocation with it fails, whatever the reason. */
  maximumRecordAgeMs: number;
  /** Cap of the pause between attempts while a store or service is down. */
  backoffMaxMs: number;
}

const DAY_MS = 24 * 60 * 60_000;

export const DEFAULTS = {
  batchSize: 100,
  // Compressed; a function holds some ten times as much once it is unpacked.
  batchBytes: 1024 * 1024,
  batchWindowMs: 0,
  pollIntervalMs: 100,
  functionTimeoutMs: 60_000,
  maximumRetryAttempts: 5,
  // The stream's retention: a tier that is down delays only itself and has this long to come back.
  maximumRecordAgeMs: 7 * DAY_MS,
  backoffMaxMs: 30_000,
} as const satisfies Partial<MappingSettings>;
