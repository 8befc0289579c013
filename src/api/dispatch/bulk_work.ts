import type { Document } from 'mongodb';
import type { ChangeBatch } from '../../store/database/change_feed.js';
import type { Database, Stored } from '../../store/database/database.js';

type ProcessDocument = Stored & {
  type?: string;
  complete?: boolean;
  errors?: unknown[];
  context?: { ref_id?: unknown };
};

/** References whose import, clone, update or removal runs: the messages about their OTUs and history are left out. */
export type BulkWork = {
  /** Learns from a batch which processes began and ended; gives the references whose work ended. */
  learn(batch: ChangeBatch): Promise<string[]>;
  /** Whether bulk work on the reference runs, or ran when this batch began. */
  isBusy(referenceId: string): boolean;
  /** To be called after a batch: what ended in it is at rest from now on. */
  settle(): void;
  /** Counts changes; true when with the latest ones there are more than the limit, which no person makes so fast. */
  isCrowd(collection: string, count: number, limit: number): boolean;
};

const CROWD_WINDOW_MS = 2_000;

const BULK_TYPES = [
  'import_reference',
  'clone_reference',
  'remote_reference',
  'update_remote_reference',
  'delete_reference',
];
const UNFINISHED: Document = { type: { $in: BULK_TYPES }, complete: { $ne: true }, 'errors.0': { $exists: false } };

/**
 * Follows the processes. A process is known before the first OTU that it writes and counts as running until the batch
 * that tells of its end is through, as the stream keeps the order of the writes.
 */
export function createBulkWork(database: Database): BulkWork {
  const processes = database.collection<ProcessDocument>('processes');
  const references = database.collection<Stored & { process?: { id: string } }>('references');
  const running = new Map<string, string>();
  const ended = new Set<string>();
  let isComplete = false;

  const note = async (process: ProcessDocument): Promise<void> => {
    if (!BULK_TYPES.includes(process.type ?? '')) return;
    if (!running.has(process._id)) {
      const referenceId = await referenceOf(process);
      if (referenceId !== undefined) running.set(process._id, referenceId);
    }
    if (process.complete === true || (process.errors?.length ?? 0) > 0) ended.add(process._id);
  };
  const referenceOf = async (process: ProcessDocument): Promise<string | undefined> => {
    if (typeof process.context?.ref_id === 'string') return process.context.ref_id;
    return (await references.findOne({ 'process.id': process._id }, { projection: { _id: 1 } }))?._id;
  };
  const read = async (filter: Document): Promise<void> => {
    const found = await processes
      .find(filter)
      .project<ProcessDocument>({ type: 1, complete: 1, errors: 1, 'context.ref_id': 1 })
      .toArray();
    for (const process of found) await note(process);
  };

  return {
    async learn(batch) {
      const changed = batch.changes.filter((change) => change.collection === 'processes');
      for (const { id, operation } of changed) if (operation === 'delete') ended.add(id);
      if (changed.length > 0) await read({ _id: { $in: changed.map((change) => change.id) } });
      if (!isComplete || batch.lost) await read(UNFINISHED);
      isComplete = true;
      return [...ended].map((id) => running.get(id)).filter((id) => id !== undefined);
    },
    isBusy: (referenceId) => [...running.values()].includes(referenceId),
    settle() {
      for (const id of ended) running.delete(id);
      ended.clear();
    },
    isCrowd: createCrowdCounter(),
  };
}

function createCrowdCounter(): BulkWork['isCrowd'] {
  const latest = new Map<string, { at: number; count: number }[]>();
  return (collection, count, limit) => {
    const now = performance.now();
    const known = (latest.get(collection) ?? []).filter(({ at }) => now - at < CROWD_WINDOW_MS);
    known.push({ at: now, count });
    latest.set(collection, known);
    return known.reduce((sum, entry) => sum + entry.count, 0) > limit;
  };
}
