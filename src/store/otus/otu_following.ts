import { copySequence, type SourceOtu, type SourceSequence } from './otu_copies.js';
import { findIssues } from './otu_issues.js';
import type { JoinedIsolate, JoinedOtu, OtuDocument, Segment } from './otus.js';
import { joinOtu } from './otus.js';
import type { SequenceDocument } from './sequences.js';

/** An OTU that follows its source: both states, in which a sequence that stays is the same object. The version is the same when only what was computed of it was wrong. */
export type FollowedOtu = {
  before: JoinedOtu;
  after: JoinedOtu;
};

/**
 * What becomes of an OTU when it has to be what its source is: isolates are the same by their ids, sequences by the ids that they have in the
 * source. Another order of isolates or sequences alone is no change. Sequences of no isolate, which old releases left, go without a word.
 */
export function followSource(
  { otu, sequences }: { otu: OtuDocument; sequences: readonly SequenceDocument[] },
  source: SourceOtu,
): FollowedOtu | 'same' {
  const before = joinOtu(otu, sequences);
  // One that lies in an isolate counts before one that was left over.
  const placed = before.isolates.flatMap((isolate) => isolate.sequences);
  const byRemoteId = new Map([...sequences, ...placed].map((sequence) => [sequence.remote?.id, sequence]));
  const isolates = source.isolates.map((isolate) => {
    const { id, source_type, source_name, default: isDefault } = isolate;
    const place = { otuId: otu._id, isolateId: id, reference: otu.reference };
    const followed = isolate.sequences.map((sequence) =>
      followSequence(sequence.remoteId === undefined ? undefined : byRemoteId.get(sequence.remoteId), sequence, place),
    );
    return { id, source_type, source_name, default: isDefault, sequences: followed };
  });
  const issues = findIssues({ isolates });
  const verification = { verified: issues === null, issues };
  const wanted: JoinedOtu = {
    ...otu,
    name: source.name,
    lower_name: source.name.toLowerCase(),
    abbreviation: source.abbreviation,
    schema: source.schema,
    isolates,
  };
  const isChanged = !isSame(before, wanted);
  const after: JoinedOtu = isChanged
    ? { ...wanted, ...verification, version: otu.version + 1 }
    : { ...before, ...verification };
  const orphans = sequences.length > countSequences(before);
  if (!isChanged && otu.verified === after.verified && !orphans) return 'same';
  return { before, after };
}

/** The stored sequence itself where nothing differs. */
function followSequence(
  stored: SequenceDocument | undefined,
  source: SourceSequence,
  place: { otuId: string; isolateId: string; reference: { id: string } },
): SequenceDocument {
  if (!stored) return copySequence(source, place);
  const { remoteId: _, ...fields } = source;
  const followed: SequenceDocument = { ...stored, ...fields, isolate_id: place.isolateId };
  const isUnchanged =
    (['accession', 'definition', 'host', 'sequence', 'isolate_id'] as const).every(
      (key) => stored[key] === followed[key],
    ) &&
    // A sequence of an old release may have no segment at all.
    (stored.segment === followed.segment || (stored.segment === undefined && !followed.segment));
  return isUnchanged ? stored : followed;
}

function isSame(before: JoinedOtu, wanted: JoinedOtu): boolean {
  return (
    before.name === wanted.name &&
    (before.abbreviation ?? '') === wanted.abbreviation &&
    JSON.stringify((before.schema ?? []).map(plainSegment)) === JSON.stringify(wanted.schema.map(plainSegment)) &&
    before.isolates.length === wanted.isolates.length &&
    wanted.isolates.every((isolate) =>
      isSameIsolate(
        before.isolates.find(({ id }) => id === isolate.id),
        isolate,
      ),
    )
  );
}

function isSameIsolate(before: JoinedIsolate | undefined, wanted: JoinedIsolate): boolean {
  const former = new Set(before?.sequences);
  return (
    before !== undefined &&
    before.source_type === wanted.source_type &&
    before.source_name === wanted.source_name &&
    before.default === wanted.default &&
    before.sequences.length === wanted.sequences.length &&
    wanted.sequences.every((sequence) => former.has(sequence))
  );
}

function plainSegment({ name, required, molecule }: Segment) {
  return { name, required: required ?? true, molecule: molecule ?? '' };
}

function countSequences({ isolates }: JoinedOtu): number {
  return isolates.reduce((sum, { sequences }) => sum + sequences.length, 0);
}
