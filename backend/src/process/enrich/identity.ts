// Who is whom: whether what an event says of it may be kept. An event that names a user and a device says that the device is
// the user's, an alias that two ids are one person; the vault decides whether that holds (a shared device is its first user's
// alone) and keeps it as edges between surrogates (../../vault/edges.ts).

import { isOn, type RequestEnvelope, type StoredConsent } from "@behaviour/contract";

interface Linking {
  envelope: Pick<RequestEnvelope, "settings">;
  consent: StoredConsent;
}

/** Cookieless: nothing may join what one person does today to what the same person does tomorrow. */
export function linksIdentities({ envelope, consent }: Linking): boolean {
  return consent !== "cookieless" && isOn(envelope.settings, "identity");
}
