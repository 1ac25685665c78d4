// Alerting: rules on what the pipeline carries and how it does, evaluated every minute.

export type { AlertServices } from "./channel.ts";
export { deliverDue } from "./deliver.ts";
export { evaluateAlerts } from "./evaluate.ts";
export { alertServices } from "./services.ts";
