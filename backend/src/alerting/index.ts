// Alerting: rules on what the pipeline carries and how it does, evaluated every minute.

export { type AlertServices, sender } from "./channel.ts";
export { alertCommands } from "./commands.ts";
export { deliverDue } from "./deliver.ts";
export { evaluateAlerts } from "./evaluate.ts";
export { type AlertRouteParts, mountAlerts } from "./routes.ts";
