/** Shows the sign-in, the first-event guide of an empty project, or the dashboard. */
import { computed } from "@preact/signals";
import { CountriesCard } from "./components/countries-card.tsx";
import { EventDrawer } from "./components/event-drawer.tsx";
import { FaultBanner } from "./components/fault-banner.tsx";
import { FirstEvent } from "./components/first-event.tsx";
import { Header } from "./components/header.tsx";
import { MinutesCard } from "./components/minutes-card.tsx";
import { NewestEvents } from "./components/newest-events.tsx";
import { RankedCard } from "./components/ranked-card.tsx";
import { RateCard } from "./components/rate-card.tsx";
import { RefusalsBanner } from "./components/refusals-banner.tsx";
import { SignIn } from "./components/sign-in.tsx";
import { events } from "./live/events.ts";
import { realtime, totalEvents } from "./live/realtime.ts";
import { session } from "./live/session.ts";

const isEmpty = computed(() => realtime.value !== undefined && totalEvents.value === 0 && events.value?.length === 0);

export function App({ signInProblem }: { signInProblem: string | undefined }) {
  if (session.value === "signedOut") return <SignIn problem={signInProblem} />;
  return (
    <>
      <Header />
      <FaultBanner />
      <RefusalsBanner />
      <main class="page" aria-busy={realtime.value === undefined}>
        <h1 class="visually-hidden">Live dashboard</h1>
        {isEmpty.value ? <FirstEvent /> : <Dashboard />}
      </main>
      <EventDrawer />
    </>
  );
}

function Dashboard() {
  const figures = realtime.value;
  return (
    <div class="dashboard">
      <RateCard />
      <MinutesCard />
      <RankedCard
        title="Top pages"
        testId="top-pages"
        empty="No page views in the last 30 minutes"
        items={figures?.topPages.map(({ page, count }) => ({ key: page ?? "", label: page ?? "Unknown", count }))}
      />
      <RankedCard
        title="Top events"
        testId="top-events"
        empty="No events in the last 30 minutes"
        items={figures?.topEvents.map(({ event, count }) => ({ key: event ?? "", label: event ?? "Unnamed", count }))}
      />
      <CountriesCard countries={figures?.countries} />
      <NewestEvents />
    </div>
  );
}
