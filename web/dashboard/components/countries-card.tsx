/** Ranks the countries that events come from. */
import type { Realtime } from "../api/types.ts";
import { countryFlag, countryName } from "../format.ts";
import { totalEvents } from "../live/realtime.ts";
import { RankedCard } from "./ranked-card.tsx";

export function CountriesCard({ countries }: { countries: Realtime["countries"] | undefined }) {
  const items = countries?.map(({ country, count }) => ({
    key: country ?? "",
    label: countryName(country),
    count,
    mark: <Flag country={country} />,
  }));
  // Loopback and private addresses have no country, so a developer's own machine shows no countries.
  const empty = totalEvents.value > 0 ? "No country is known of these addresses" : "No events in the last 30 minutes";
  return <RankedCard title="Countries" testId="countries" empty={empty} items={items} />;
}

/** The flag, or the country's code if the system draws no flags. */
function Flag({ country }: { country: string | null }) {
  const flag = countryFlag(country);
  return (
    <span class={flag ? "flag" : "flag flag-code"} aria-hidden="true">
      {flag ?? country?.slice(0, 2) ?? "··"}
    </span>
  );
}
