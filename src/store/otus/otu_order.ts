import { createHash } from 'node:crypto';
import type { JoinedOtu } from './otus.js';
import type { SequenceDocument } from './sequences.js';

/**
 * Text that sorts OTUs by what they hold: name, then all else that ids and dates are not. Ids are drawn anew with every import, and an
 * aligner's choice between equal hits follows the order of the sequences, so files for aligners are sorted by this.
 */
export function contentKey({ name, abbreviation, isolates }: JoinedOtu): string {
  const content = isolates.map(({ source_type, source_name, default: isDefault, sequences }) => [
    source_type,
    source_name,
    isDefault,
    inContentOrder(sequences).map(({ accession, sequence }) => [accession, sequence]),
  ]);
  const digest = createHash('sha256')
    .update(JSON.stringify([name, abbreviation, content]))
    .digest('hex');
  return `${name.toLowerCase()}\0${digest}`;
}

/** The sequences of an isolate by accession, then by bases. */
export function inContentOrder(sequences: readonly SequenceDocument[]): SequenceDocument[] {
  return [...sequences].sort(
    (a, b) => compare(a.accession, b.accession) || compare(a.sequence, b.sequence) || compare(a._id, b._id),
  );
}

/** OTUs, or what stands for them, by the content keys of their ids; equal ones by id. */
export function byContentKey(keys: ReadonlyMap<string, string>): (a: { id: string }, b: { id: string }) => number {
  return (a, b) => compare(keys.get(a.id) ?? '', keys.get(b.id) ?? '') || compare(a.id, b.id);
}

// By code unit: the same on every machine.
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
