// Reads and writes the cold tier's objects in S3. People read them by the glob `project=*/day=*/*.parquet`
// (docs/API_DOCUMENTATION.md#the-stores-as-interfaces).

import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { callDeadline } from "../../aws.ts";

/** The maximum of one DeleteObjects call. */
const DELETE_KEYS_MAX = 1_000;

export interface StoredObject {
  key: string;
  bytes: number;
  modifiedAtMs: number;
}

export class Objects {
  readonly #s3: S3Client;
  readonly #bucket: string;

  constructor(s3: S3Client, bucket: string) {
    this.#s3 = s3;
    this.#bucket = bucket;
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    const put = new PutObjectCommand({
      Bucket: this.#bucket,
      Key: key,
      Body: body,
      ContentType: "application/vnd.apache.parquet",
    });
    await this.#s3.send(put, { abortSignal: callDeadline() });
  }

  /** @returns null if there is no such object. */
  async get(key: string): Promise<Uint8Array | null> {
    try {
      const get = new GetObjectCommand({ Bucket: this.#bucket, Key: key });
      const answer = await this.#s3.send(get, { abortSignal: callDeadline() });
      return (await answer.Body?.transformToByteArray()) ?? null;
    } catch (fault) {
      if (isMissing(fault)) return null;
      throw fault;
    }
  }

  async exists(key: string): Promise<boolean> {
    try {
      await this.#s3.send(new HeadObjectCommand({ Bucket: this.#bucket, Key: key }), { abortSignal: callDeadline() });
      return true;
    } catch (fault) {
      if (isMissing(fault)) return false;
      throw fault;
    }
  }

  /** An object that does not exist counts as deleted. @throws if an object could not be deleted. */
  async delete(keys: readonly string[]): Promise<void> {
    for (let start = 0; start < keys.length; start += DELETE_KEYS_MAX) {
      const some = keys.slice(start, start + DELETE_KEYS_MAX);
      const command = new DeleteObjectsCommand({
        Bucket: this.#bucket,
        Delete: { Objects: some.map((Key) => ({ Key })), Quiet: true },
      });
      const { Errors = [] } = await this.#s3.send(command, { abortSignal: callDeadline() });
      const [first] = Errors;
      if (first !== undefined) throw new Error(`could not delete ${Errors.length} objects: ${first.Code}`);
    }
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    let token: string | undefined;
    do {
      const list: ListObjectsV2Command = new ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: prefix,
        ...(token === undefined ? {} : { ContinuationToken: token }),
      });
      const page = await this.#s3.send(list, { abortSignal: callDeadline() });
      for (const { Key, Size, LastModified } of page.Contents ?? []) {
        if (Key === undefined) continue;
        yield { key: Key, bytes: Size ?? 0, modifiedAtMs: LastModified?.getTime() ?? 0 };
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }
}

function isMissing(fault: unknown): boolean {
  return fault instanceof Error && (fault.name === "NoSuchKey" || fault.name === "NotFound");
}
