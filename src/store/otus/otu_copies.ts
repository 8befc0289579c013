import type { Database } from '../database/database.js';
import { randomId } from '../database/ids.js';
import { changeId, type HistoryDocument, nameWithAbbreviation, UNBUILT } from '../history/history.js';
import type { ProcessProgress, ProcessStore } from '../processes.js';
import { findIssues } from './otu_issues.js';
import type { Isolate, JoinedOtu, OtuDocument, Segment } from './otus.js';
import { splitOtu } from './otus.js';
import type { SequenceDocument, StoredSequence } from './sequences.js';

/** A sequence that is copied into a reference; `remoteId` is its id where it comes from. */
export type SourceSequence = Pick<SequenceDocument, 'accession' | 'definition' | 'host' | 'sequence'> & {
  segment: string | null;
  remoteId?: string | undefined;
};

/** An OTU that is copied into a reference. Isolate ids are kept, those of the OTU and its sequences are new. */
export type SourceOtu = {
  name: string;
  abbreviation: string;
  schema: Segment[];
  isolates: (Isolate & { sequences: SourceSequence[] })[];
  remoteId?: string | undefined;
};

/** Where copies go and how they came about. */
export type CopyTarget = {
  method: 'import' | 'clone' | 'remote';
  referenceId: string;
  userId: string;
  createdAt: Date;
};

/** A copied OTU, ready to be inserted. */
export type OtuCopy = { otu: OtuDocument; sequences: StoredSequence[]; change: HistoryDocument };

const TITLES = { import: 'Imported', clone: 'Cloned', remote: 'Remoted' } as const;

/** Copies an OTU into a reference under an id: version 0, verification computed, and the change that tells of it. */
export function copyOtu(source: SourceOtu, id: string, target: CopyTarget): OtuCopy {
  const reference = { id: target.referenceId };
  const isolates = source.isolates.map(({ sequences, ...isolate }) => ({
    ...isolate,
    sequences: sequences.map((sequence) => copySequence(sequence, { otuId: id, isolateId: isolate.id, reference })),
  }));
  const issues = findIssues({ isolates });
  const joined: JoinedOtu = {
    _id: id,
    name: source.name,
    lower_name: source.name.toLowerCase(),
    abbreviation: source.abbreviation,
    schema: source.schema,
    isolates,
    version: 0,
    last_indexed_version: null,
    verified: issues === null,
    issues,
    imported: true,
    created_at: target.createdAt,
    reference,
    user: { id: target.userId },
    ...(target.method !== 'import' && source.remoteId !== undefined ? { remote: { id: source.remoteId } } : {}),
  };
  const change: HistoryDocument = {
    _id: changeId(id, 0),
    method_name: target.method,
    description: `${TITLES[target.method]} ${nameWithAbbreviation(joined)}`,
    created_at: new Date(),
    otu: { id, name: joined.name, version: 0 },
    reference,
    index: { ...UNBUILT },
    user: { id: target.userId },
    diff: [['change', '', [null, joined]]],
  };
  return { ...splitOtu(joined), change };
}

/** Copies a sequence into an isolate of an OTU. */
export function copySequence(
  source: SourceSequence,
  place: { otuId: string; isolateId: string; reference: { id: string } },
): SequenceDocument {
  const { remoteId, ...bases } = source;
  return {
    _id: randomId(),
    ...bases,
    isolate_id: place.isolateId,
    otu_id: place.otuId,
    reference: place.reference,
    ...(remoteId === undefined ? {} : { remote: { id: remoteId } }),
  };
}

const BATCH_DOCUMENTS = 300;
const BATCH_BYTES = 4 * 1024 ** 2;

/** Cuts a list of OTUs into batches that one transaction can take; an OTU counts with its sequences and its change. */
export async function* batches(otus: Iterable<SourceOtu> | AsyncIterable<SourceOtu>): AsyncGenerator<SourceOtu[]> {
  let batch: SourceOtu[] = [];
  let documents = 0;
  let bytes = 0;
  for await (const otu of otus) {
    const sequences = otu.isolates.flatMap((isolate) => isolate.sequences);
    const size = sequences.reduce((sum, { sequence }) => sum + sequence.length, 0);
    const isFull = documents + sequences.length + 2 > BATCH_DOCUMENTS || bytes + size > BATCH_BYTES;
    if (batch.length > 0 && isFull) {
      yield batch;
      batch = [];
      documents = 0;
      bytes = 0;
    }
    batch.push(otu);
    documents += sequences.length + 2;
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** Inserts copied OTUs batch by batch. */
export function createOtuCopyStore(database: Database, processes: ProcessStore) {
  const otus = database.collection<OtuDocument>('otus');
  const sequences = database.collection<StoredSequence>('sequences');
  const history = database.collection<HistoryDocument>('history');

  return {
    /**
     * Inserts a batch for a process in one transaction. False when the process has ended or another run has done this
     * batch already; then nothing is written.
     */
    insertBatch(
      processId: string,
      from: number,
      copies: readonly OtuCopy[],
      progress: ProcessProgress,
    ): Promise<boolean> {
      return database.transaction(async (session) => {
        const otuIds = copies.map(({ otu }) => otu._id);
        if (!(await processes.advance(processId, { from, otuIds, progress }, session))) return false;
        const newSequences = copies.flatMap((copy) => copy.sequences);
        await otus.insertMany(
          copies.map(({ otu }) => otu),
          { session },
        );
        if (newSequences.length > 0) await sequences.insertMany(newSequences, { session });
        await history.insertMany(
          copies.map(({ change }) => change),
          { session },
        );
        return true;
      });
    },
  };
}
