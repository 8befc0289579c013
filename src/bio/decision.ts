/** Where the rule draws its lines; shares from 0 to 1. */
export type DecisionThresholds = {
  /** Coverage above which a virus counts as found. */
  positive_coverage: number;
  /** Coverage below which it counts as not found. */
  negative_coverage: number;
  /** Weight above which there are enough reads for a call of positive. */
  strong_weight: number;
};

/** What Pathoscope found of a virus; shares from 0 to 1. */
export type Evidence = {
  /** Covered share of the isolate that is covered best. */
  coverage: number;
  /** Share of the assigned reads, all its isolates together. */
  weight: number;
};

/** Whether a virus is in the sample, and why one thinks so. */
export type Decision = Evidence & {
  call: 'positive' | 'suspect' | 'negative';
  /** A sentence with the figures that decided. */
  reason: string;
  /** Name and version of the rule: the same text means the same rule. */
  rule: typeof DECISION_RULE;
  thresholds: DecisionThresholds;
};

/** A new version whenever the same figures may get another call. */
export const DECISION_RULE = 'coverage-and-weight/1';

/** What is known of a sequence of an isolate: its length in bases, its covered share and its share of the reads. */
export type SequenceEvidence = { length: number; coverage: number; weight: number };

/**
 * The evidence for a virus from the sequences of each of its isolates. The coverage of an isolate is the covered share of all its bases,
 * so that a missing segment counts by its length.
 */
export function gatherEvidence(isolates: readonly (readonly SequenceEvidence[])[]): Evidence {
  const weight = isolates.flat().reduce((sum, sequence) => sum + sequence.weight, 0);
  return { coverage: Math.max(0, ...isolates.map(isolateCoverage)), weight };
}

/**
 * Calls a virus. Positive: coverage and weight are both above their thresholds. Negative: coverage is below its threshold, whatever the
 * weight, as reads that all lie on one place are rather those of a relative. Suspect: everything else. A figure that equals a threshold is neither above nor below it.
 */
export function decide({ coverage, weight }: Evidence, thresholds: DecisionThresholds): Decision {
  const { positive_coverage: high, negative_coverage: low, strong_weight: strong } = thresholds;
  const made = (call: Decision['call'], reason: string): Decision => ({
    call,
    reason,
    rule: DECISION_RULE,
    coverage,
    weight,
    thresholds,
  });
  const [covered, weighs] = [`Coverage ${short(coverage)}`, `weight ${short(weight)}`];
  if (coverage < low) return made('negative', `${covered} is below ${low}`);
  if (coverage <= high) return made('suspect', `${covered} is not below ${low} and not above ${high}`);
  if (weight > strong) return made('positive', `${covered} is above ${high} and ${weighs} above ${strong}`);
  return made('suspect', `${covered} is above ${high}, but ${weighs} is not above ${strong}`);
}

function isolateCoverage(sequences: readonly SequenceEvidence[]): number {
  const bases = sequences.reduce((sum, { length }) => sum + length, 0);
  const covered = sequences.reduce((sum, { length, coverage }) => sum + length * coverage, 0);
  return bases === 0 ? 0 : covered / bases;
}

// Six digits, so that a figure close to a threshold does not look equal to it.
function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}
