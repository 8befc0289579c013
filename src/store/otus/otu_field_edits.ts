import { isDeepStrictEqual } from 'node:util';
import type { ChangeOtu } from './otu_edits.js';
import type { JoinedOtu, Segment } from './otus.js';
import type { SequenceDocument } from './sequences.js';

/** New values of an OTU's own fields; what is absent stays. */
export type OtuFields = { name?: string; abbreviation?: string; schema?: Segment[] };

/**
 * Changes name, abbreviation and schema. Sequences of a segment that is no longer in the schema lose it; when a segment
 * gets another name at its place, they go with it.
 */
export function editOtu(fields: OtuFields): ChangeOtu {
  return (otu) => {
    const changes = changedFields(otu, fields);
    const description = describeOtuEdit(changes, otu.abbreviation);
    if (description === undefined) return 'unchanged';
    const { name = otu.name, abbreviation = otu.abbreviation, schema } = changes;
    const renamed = { ...otu, name, abbreviation, lower_name: name.toLowerCase() };
    return { otu: schema ? withSchema(renamed, schema) : renamed, method: 'edit', description };
  };
}

/** Those of the new values that differ from the OTU's. */
export function changedFields(
  otu: Pick<JoinedOtu, 'name'> & Partial<Pick<JoinedOtu, 'abbreviation' | 'schema'>>,
  { name, abbreviation, schema }: OtuFields,
): OtuFields {
  return {
    ...(name !== undefined && name !== otu.name ? { name } : {}),
    ...(abbreviation !== undefined && abbreviation !== (otu.abbreviation ?? '') ? { abbreviation } : {}),
    ...(schema !== undefined && !isDeepStrictEqual(schema, otu.schema) ? { schema } : {}),
  };
}

/** The sentence about a change of an OTU's own fields; undefined when there is none. */
export function describeOtuEdit(changes: OtuFields, oldAbbreviation: string | undefined): string | undefined {
  const phrases = [
    changes.name ? `changed name to ${changes.name}` : undefined,
    abbreviationPhrase(changes.abbreviation, oldAbbreviation),
    changes.schema ? 'modified schema' : undefined,
  ];
  const sentence = phrases.filter((phrase) => phrase !== undefined).join(' and ');
  return sentence === '' ? undefined : sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

function abbreviationPhrase(abbreviation: string | undefined, old: string | undefined): string | undefined {
  if (abbreviation === undefined) return undefined;
  if (old && !abbreviation) return `removed abbreviation ${old}`;
  if (abbreviation && !old) return `added abbreviation ${abbreviation}`;
  return `changed abbreviation to ${abbreviation}`;
}

function withSchema(otu: JoinedOtu, schema: Segment[]): JoinedOtu {
  const fates = segmentFates(otu.schema ?? [], schema);
  const isolates = otu.isolates.map((isolate) => ({
    ...isolate,
    sequences: isolate.sequences.map((sequence) => withSegment(sequence, fates)),
  }));
  return { ...otu, isolates, schema };
}

/** The name of each segment in the new schema, by its name in the old one. */
function segmentFates(before: readonly Segment[], after: readonly Segment[]): Map<string, string> {
  const oldNames = new Set(before.map(({ name }) => name));
  const newNames = new Set(after.map(({ name }) => name));
  const fates = new Map([...newNames].map((name) => [name, name]));
  if (before.length !== after.length) return fates;
  before.forEach(({ name }, place) => {
    const successor = after[place]?.name;
    if (successor !== undefined && !newNames.has(name) && !oldNames.has(successor)) fates.set(name, successor);
  });
  return fates;
}

function withSegment(sequence: SequenceDocument, fates: ReadonlyMap<string, string>): SequenceDocument {
  if (!sequence.segment) return sequence;
  const segment = fates.get(sequence.segment);
  if (segment === sequence.segment) return sequence;
  if (segment !== undefined) return { ...sequence, segment };
  const { segment: _, ...rest } = sequence;
  return rest;
}
