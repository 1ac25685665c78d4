// Creates the services that alerting sends and signs with, from the configuration.

import { snsClient } from "../aws.ts";
import { type Config, required } from "../config.ts";
import { type AlertServices, sender } from "./channel.ts";

/** @throws Error that names INTERNAL_SECRET when it is not set. */
export function alertServices(config: Config, deadlineMs: number): AlertServices {
  return {
    send: sender({ sns: snsClient(config), webhook: { deadlineMs } }),
    signingKey: required(config.internalSecret, "INTERNAL_SECRET"),
  };
}
