// What the functions say of themselves.

export {
  asDataFault,
  faultFields,
  isOwnFault,
  NAMESPACE,
  scheduledHandler,
  type Telemetry,
  telemetryOf,
} from "./function.ts";
export { INVARIANT_METRICS } from "./invariants.ts";
