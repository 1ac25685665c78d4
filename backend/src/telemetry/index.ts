// Exports the telemetry of the functions.

export {
  asDataFault,
  asError,
  faultFields,
  isOwnFault,
  scheduledHandler,
  type Telemetry,
  telemetryOf,
} from "./function.ts";
