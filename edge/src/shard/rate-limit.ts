// The shard's own buckets: exact, because a shard is one thread.

export { RateBuckets as RateLimit } from "../rate-bucket.ts";
