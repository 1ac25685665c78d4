/** Exports the public names of the ES module. */
export { Analytics } from "./analytics.ts";
export type { AnalyticsError, AnalyticsErrorCode, JsonObject, MessageOptions } from "./message.ts";
export type { AnalyticsOptions } from "./options.ts";
export type { StorageLike } from "./storage.ts";
