// Names one metric for each invariant that a running pipeline can measure (docs/ARCHITECTURE.md#invariants), and the reason why
// another invariant has no metric: only tests hold it. The deployment's alarms and docs/monitoring are generated from these
// names.

export interface InvariantMetric {
  /** Null if a running pipeline cannot measure the invariant. */
  metric: string | null;
  /** The function that emits the metric. */
  service: "reconcile" | "query" | "edge" | "privacy" | null;
  /** The invariant is broken if the metric is above this value. */
  threshold: number;
  means: string;
}

export const INVARIANT_METRICS = {
  I1: {
    metric: "I1AcceptedMissing",
    service: "reconcile",
    threshold: 0,
    means: "Events that an edge acknowledged and that did not come out of the raw stream within the settle time.",
  },
  I2: {
    metric: "I2OldestMissingSeconds",
    service: "reconcile",
    threshold: 120,
    means: "Age of the oldest minute of which a tier still lacks events.",
  },
  I3: {
    metric: "I3TierSurplus",
    service: "reconcile",
    threshold: 0,
    means: "Events that a tier counts beyond what the processor emitted: an effect that was had twice.",
  },
  I4: {
    metric: null,
    service: null,
    threshold: 0,
    means:
      "The edge counts in memory and a crash costs it a minute's counts, so a surplus proves nothing; tests compare.",
  },
  I5: {
    metric: "I5ProjectsDelayed",
    service: "reconcile",
    threshold: 0,
    means: "Projects that wait for a tier which has caught up with all of another project's events.",
  },
  I6: {
    metric: null,
    service: null,
    threshold: 0,
    means: "What was dropped leaves no trace to be counted; tests look for canaries in every store.",
  },
  I7: {
    metric: null,
    service: null,
    threshold: 0,
    means: "What was sent is not kept to be compared with; tests compare.",
  },
  I8: {
    metric: "I8Refused",
    service: "edge",
    threshold: 0,
    means: "Requests answered 429 or 503 because something was full: not a breach, but the sign of what would be one.",
  },
  I9: {
    metric: "I9ImbalancedMinutes",
    service: "reconcile",
    threshold: 0,
    means: "Minutes of projects that do not add up at some hop after the settle time.",
  },
  I10: {
    metric: "I10ErasedFound",
    service: "privacy",
    threshold: 0,
    means: "Stores in which an erased subject was found when the erasure was verified.",
  },
} as const satisfies Record<string, InvariantMetric>;
