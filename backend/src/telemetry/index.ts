// What the functions say of themselves.

export {
  asDataFault,
  asError,
  faultFields,
  isOwnFault,
  scheduledHandler,
  type Telemetry,
  telemetryOf,
} from "./function.ts";
