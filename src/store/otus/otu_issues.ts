import type { SequenceDocument } from './sequences.js';

/** What is wrong with an OTU; each key is false where nothing is. */
export type OtuIssues = {
  /** There are no isolates. */
  empty_otu: boolean;
  /** Ids of isolates without sequences. */
  empty_isolate: string[] | false;
  /** The sequences without bases. */
  empty_sequence: SequenceDocument[] | false;
  /** Isolates differ in their number of sequences; looked at only when the first two are fine. */
  isolate_inconsistency: boolean;
};

/** The issues of an OTU, or null when it may go into an index. */
export function findIssues(otu: { isolates: { id: string; sequences: SequenceDocument[] }[] }): OtuIssues | null {
  const emptyIsolates = otu.isolates.filter((isolate) => isolate.sequences.length === 0).map((isolate) => isolate.id);
  const emptySequences = otu.isolates
    .flatMap((isolate) => isolate.sequences)
    .filter((sequence) => sequence.sequence.length === 0);
  const isEmpty = otu.isolates.length === 0;
  const counts = new Set(otu.isolates.map((isolate) => isolate.sequences.length));
  const issues: OtuIssues = {
    empty_otu: isEmpty,
    empty_isolate: emptyIsolates.length > 0 ? emptyIsolates : false,
    empty_sequence: emptySequences.length > 0 ? emptySequences : false,
    isolate_inconsistency: !isEmpty && emptyIsolates.length === 0 && counts.size > 1,
  };
  return Object.values(issues).some((issue) => issue !== false) ? issues : null;
}
