/* eslint-disable */
// Generated from wrangler.toml by edge/generate.ts.
interface __BaseEnv_Bindings {
	KEYS: KVNamespace;
	JURISDICTION: string;
	AWS_REGION: string;
	RAW_STREAM: string;
	AWS_ACCESS_KEY_ID: string;
	AWS_SECRET_ACCESS_KEY: string;
	QUERY_ENDPOINT: string;
	INTERNAL_SECRET: string;
	SESSION_SECRET: string;
	LEDGER_SECRET: string;
	SHARD: DurableObjectNamespace<import("./src/worker").BufferShard>;
	DIRECTORY: DurableObjectNamespace<import("./src/worker").ShardDirectory>;
	LIVE: DurableObjectNamespace<import("./src/worker").LiveTail>;
	SALT: DurableObjectNamespace<import("./src/worker").DailySalt>;
	SESSIONS: DurableObjectNamespace<import("./src/worker").EndedSessions>;
	LEDGER: DurableObjectNamespace<import("./src/worker").ConsentLedger>;
	LIMITER: DurableObjectNamespace<import("./src/worker").RateLimiter>;
}
declare namespace Cloudflare {
	interface GlobalProps {
		mainModule: typeof import("./src/worker");
		durableNamespaces: "BufferShard" | "DailySalt" | "ShardDirectory" | "LiveTail" | "EndedSessions" | "ConsentLedger" | "RateLimiter";
	}
	interface Env extends __BaseEnv_Bindings {}
}
interface Bindings extends __BaseEnv_Bindings {}
