import { randomId } from '../database/ids.js';
import { cleanBases, holdsUracil } from './bases.js';
import { findIsolate, isolateName } from './isolate_edits.js';
import type { ChangeOtu } from './otu_edits.js';
import type { JoinedIsolate, JoinedOtu } from './otus.js';
import type { SequenceDocument } from './sequences.js';

/** What people say about a sequence. Its bases are stored in their one form, whatever they are written like. The segment is one of the OTU's schema; null or empty for none. */
export type SequenceFields = Pick<SequenceDocument, 'accession' | 'definition' | 'host' | 'sequence'> & {
  segment: string | null;
};

/** Adds a sequence at the end of an isolate. */
export function addSequence(isolateId: string, { segment, ...fields }: SequenceFields): ChangeOtu {
  return (otu) => {
    const isolate = findIsolate(otu, isolateId);
    if (!isolate) return 'unknown';
    if (!hasSegment(otu, segment)) return 'unknown_segment';
    const sequence: SequenceDocument = {
      _id: randomId(),
      accession: fields.accession,
      definition: fields.definition,
      host: fields.host,
      sequence: cleanBases(fields.sequence),
      otu_id: otu._id,
      isolate_id: isolate.id,
      reference: { id: otu.reference.id },
      segment,
    };
    return {
      otu: withSequences(otu, isolate, [...isolate.sequences, sequence]),
      method: 'create_sequence',
      description: `Created new sequence ${sequence.accession} in ${isolateName(isolate)}${uracilRemark(fields.sequence)}`,
    };
  };
}

/** Changes those fields of a sequence that are given. */
export function editSequence(isolateId: string, sequenceId: string, fields: Partial<SequenceFields>): ChangeOtu {
  return (otu) => {
    const isolate = findIsolate(otu, isolateId);
    const before = isolate?.sequences.find(({ _id }) => _id === sequenceId);
    if (!isolate || !before) return 'unknown';
    if (!hasSegment(otu, fields.segment)) return 'unknown_segment';
    const { sequence: written, ...rest } = fields;
    const wanted = written === undefined ? rest : { ...rest, sequence: cleanBases(written) };
    const changes = Object.entries(wanted).filter(([key, value]) =>
      differs(before, key as keyof SequenceFields, value),
    );
    if (changes.length === 0) return 'unchanged';
    const after: SequenceDocument = { ...before, ...Object.fromEntries(changes) };
    return {
      otu: withSequences(
        otu,
        isolate,
        isolate.sequences.map((one) => (one === before ? after : one)),
      ),
      method: 'edit_sequence',
      description: `Edited sequence ${sequenceId} in ${isolateName(isolate)}${uracilRemark(written)}`,
    };
  };
}

/** Removes a sequence from its isolate. */
export function removeSequence(isolateId: string, sequenceId: string): ChangeOtu {
  return (otu) => {
    const isolate = findIsolate(otu, isolateId);
    if (!isolate?.sequences.some(({ _id }) => _id === sequenceId)) return 'unknown';
    return {
      otu: withSequences(
        otu,
        isolate,
        isolate.sequences.filter(({ _id }) => _id !== sequenceId),
      ),
      method: 'remove_sequence',
      description: `Removed sequence ${sequenceId} from ${isolateName(isolate)}`,
    };
  };
}

function uracilRemark(written: string | undefined): string {
  return written !== undefined && holdsUracil(written) ? ' (U was read as T)' : '';
}

function withSequences(otu: JoinedOtu, isolate: JoinedIsolate, sequences: SequenceDocument[]): JoinedOtu {
  return { ...otu, isolates: otu.isolates.map((one) => (one === isolate ? { ...isolate, sequences } : one)) };
}

function hasSegment(otu: JoinedOtu, segment: string | null | undefined): boolean {
  return !segment || (otu.schema ?? []).some(({ name }) => name === segment);
}

// No segment is stored as null, as empty text, or not at all.
function differs(before: SequenceDocument, key: keyof SequenceFields, value: string | null | undefined): boolean {
  if (value === undefined) return false;
  return key === 'segment' ? (before.segment || null) !== (value || null) : before[key] !== value;
}
