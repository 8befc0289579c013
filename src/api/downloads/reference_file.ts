import { writtenBases } from '../../store/otus/bases.js';
import type { ExportState } from '../../store/otus/otu_exports.js';
import type { JoinedOtu } from '../../store/otus/otus.js';
import type { SequenceDocument } from '../../store/otus/sequences.js';
import type { ReferenceDocument } from '../../store/references/references.js';

/** What a reference file holds; `remote` is `built` with the ids that OTUs and sequences have where they come from. */
export const SCOPES = ['built', 'remote', 'unbuilt', 'unverified'] as const;
export type Scope = (typeof SCOPES)[number];

/** The states of the OTUs in a scope. */
export const STATES: Record<Scope, ExportState> = {
  built: 'indexed',
  remote: 'indexed',
  unbuilt: 'verified',
  unverified: 'current',
};

/** The text of a reference file (JSON), piece by piece. */
export async function* formatReference(
  reference: ReferenceDocument,
  otus: AsyncIterable<JoinedOtu>,
  scope: Scope,
): AsyncGenerator<string> {
  const head = JSON.stringify({ data_type: reference.data_type, organism: reference.organism });
  yield `${head.slice(0, -1)},"otus":[`;
  let separator = '';
  for await (const otu of otus) {
    yield separator + JSON.stringify(toFileOtu(otu, scope));
    separator = ',';
  }
  yield ']}';
}

function toFileOtu(otu: JoinedOtu, scope: Scope) {
  return {
    _id: fileId(otu, scope),
    name: otu.name,
    abbreviation: otu.abbreviation ?? '',
    schema: otu.schema ?? [],
    isolates: otu.isolates.map((isolate) => ({
      id: isolate.id,
      source_type: isolate.source_type,
      source_name: isolate.source_name,
      default: isolate.default,
      sequences: isolate.sequences.map((sequence) => toFileSequence(sequence, scope)),
    })),
  };
}

// Sequences of old releases may lack some of the texts.
function toFileSequence(sequence: SequenceDocument, scope: Scope) {
  return {
    _id: fileId(sequence, scope),
    accession: sequence.accession ?? '',
    definition: sequence.definition ?? '',
    host: sequence.host ?? '',
    segment: sequence.segment ?? null,
    sequence: writtenBases(sequence.sequence),
  };
}

function fileId({ _id, remote }: { _id: string; remote?: { id: string } }, scope: Scope): string {
  return scope === 'remote' && remote ? remote.id : _id;
}
