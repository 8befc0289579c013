import type { ClientSession } from 'mongodb';
import type { Database } from '../database/database.js';
import type { HistoryDocument } from '../history/history.js';
import { lastVerified, type OtuVersionStore } from '../history/otu_versions.js';
import type { JoinedOtu, OtuDocument, OtuStore } from './otus.js';

/**
 * Which OTUs of a reference, in which state: those of the last index as they are in it, all as they were when they were
 * last verified, or all as they are now.
 */
export type ExportState = 'indexed' | 'verified' | 'current';

type Listed = Pick<OtuDocument, '_id' | 'last_indexed_version'>;

const BATCH = 100;

/** Gives the OTUs of a reference one after the other, sorted by id. */
export function createOtuExportStore(database: Database, stores: { otus: OtuStore; otuVersions: OtuVersionStore }) {
  const history = database.collection<HistoryDocument>('history');

  const verifiedStates = async (
    joined: ReadonlyMap<string, JoinedOtu>,
    session: ClientSession,
  ): Promise<Map<string, JoinedOtu>> => {
    const states = new Map<string, JoinedOtu>();
    for (const [id, otu] of joined) {
      const state = otu.verified ? otu : lastVerified(otu, await changesOf(id, session));
      if (state) states.set(id, state);
    }
    return states;
  };

  const changesOf = (otuId: string, session: ClientSession): Promise<HistoryDocument[]> =>
    history.find({ 'otu.id': otuId }, { session }).sort({ 'otu.version': -1 }).toArray();

  const indexedStates = async (batch: readonly Listed[]): Promise<Map<string, JoinedOtu>> => {
    const pairs = batch.flatMap(({ _id: id, last_indexed_version: version }) =>
      typeof version === 'number' ? [{ id, version }] : [],
    );
    const found = await stores.otuVersions.getOtusAtVersions(pairs);
    return new Map([...found.values()].map((otu) => [otu._id, otu]));
  };

  const readBatch = (batch: readonly Listed[], state: ExportState): Promise<Map<string, JoinedOtu>> => {
    if (state === 'indexed') return indexedStates(batch);
    const ids = batch.map(({ _id }) => _id);
    // A transaction, so that an edit in between cannot mix two versions.
    return database.transaction(async (session) => {
      const joined = await stores.otus.getManyJoined(ids, session);
      return state === 'verified' ? verifiedStates(joined, session) : joined;
    });
  };

  return {
    /** The OTUs of a reference in a state; those that never were in it, or are removed meanwhile, are left out. */
    async *ofReference(referenceId: string, state: ExportState): AsyncGenerator<JoinedOtu> {
      const listed = await stores.otus.collection
        .find({ 'reference.id': referenceId }, { batchSize: 10_000 })
        .project<Listed>({ last_indexed_version: 1 })
        .sort({ _id: 1 })
        .toArray();
      for (let start = 0; start < listed.length; start += BATCH) {
        const batch = listed.slice(start, start + BATCH);
        const states = await readBatch(batch, state);
        for (const { _id } of batch) {
          const otu = states.get(_id);
          if (otu) yield otu;
        }
      }
    },
  };
}
