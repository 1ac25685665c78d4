// Decides whether the identity links that an event states may be kept. An event that names a user and a device states that the
// device belongs to the user. An alias states that two ids are one person. The vault decides whether a link holds (a shared
// device belongs to its first user only) and keeps it as an edge between surrogates (../../vault/edges.ts).

import { isOn, type RequestEnvelope, type StoredConsent } from "@behaviour/contract";

interface Linking {
  envelope: Pick<RequestEnvelope, "settings">;
  consent: StoredConsent;
}

/** With cookieless consent nothing may link what a person does today to what the same person does tomorrow. */
export function linksIdentities({ envelope, consent }: Linking): boolean {
  return consent !== "cookieless" && isOn(envelope.settings, "identity");
}
