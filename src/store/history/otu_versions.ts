import type { ClientSession } from 'mongodb';
import { createByteCache } from '../byte_cache.js';
import type { Database } from '../database/database.js';
import type { JoinedOtu, OtuStore } from '../otus/otus.js';
import type { HistoryDocument, HistoryStore } from './history.js';
import { type OtuDiff, revertDiff } from './otu_diff.js';

/** An OTU as it was at one of its versions. */
export type OtuAtVersion = { id: string; version: number };

/** What walking back through a history gives. */
export type PatchedOtu = {
  /** The state looked for; undefined when the OTU did not exist then. */
  otu: JoinedOtu | undefined;
  /** Ids of the changes that were passed, newest first. */
  revertedIds: string[];
};

type Change = Pick<HistoryDocument, '_id' | 'method_name' | 'otu' | 'diff'>;

/**
 * The OTU as it was at a version, walked back from its current state.
 *
 * @param current the OTU now, undefined when it was removed
 * @param changes all its changes after that version, newest first
 */
export function patchOtu(current: JoinedOtu | undefined, changes: readonly Change[], version: number): PatchedOtu {
  let otu = current;
  const revertedIds: string[] = [];
  if (otu?.version === version) return { otu, revertedIds };
  for (const change of changes) {
    if (change.otu.version !== 'removed' && change.otu.version <= version) break;
    revertedIds.push(change._id);
    otu = stateBefore(change, otu);
  }
  return { otu, revertedIds };
}

/**
 * The newest verified state of an OTU; undefined when it never was verified.
 *
 * @param current the OTU now
 * @param changes all its changes, newest first
 */
export function lastVerified(current: JoinedOtu, changes: readonly Change[]): JoinedOtu | undefined {
  let otu: JoinedOtu | undefined = current;
  for (const change of changes) {
    if (otu?.verified) break;
    otu = stateBefore(change, otu);
  }
  return otu?.verified ? otu : undefined;
}

function stateBefore(change: Change, after: JoinedOtu | undefined): JoinedOtu | undefined {
  if (change.method_name === 'remove') return change.diff as JoinedOtu;
  if (change.method_name === 'create') return undefined;
  return revertDiff(after, change.diff as OtuDiff) as JoinedOtu | undefined;
}

/** Text that stands for an OTU's version, for maps. */
export function versionKey({ id, version }: OtuAtVersion): string {
  return `${id}.${version}`;
}

const CACHE_BYTES = 64 * 1024 ** 2;
const BATCH = 500;
const HISTORIES_AT_ONCE = 100;

/** Former states of OTUs. */
export type OtuVersionStore = ReturnType<typeof createOtuVersionStore>;

/** Rebuilds OTUs as they were, also removed ones, from their current state and their history. */
export function createOtuVersionStore(
  database: Database,
  otus: OtuStore,
  history: HistoryStore,
  options: { cacheBytes?: number } = {},
) {
  const cache = createByteCache<JoinedOtu>(options.cacheBytes ?? CACHE_BYTES);

  const changesAfter = async (
    wanted: readonly OtuAtVersion[],
    session: ClientSession,
  ): Promise<Map<string, Change[]>> => {
    const lowest = new Map<string, number>();
    for (const { id, version } of wanted) lowest.set(id, Math.min(version, lowest.get(id) ?? version));
    const byOtu = new Map<string, Change[]>([...lowest.keys()].map((id) => [id, []]));
    for (const part of slices([...lowest], HISTORIES_AT_ONCE)) {
      const oldest = Math.min(...part.map(([, version]) => version));
      const found = await history.collection
        .find({ 'otu.id': { $in: part.map(([id]) => id) }, 'otu.version': { $not: { $lte: oldest } } }, { session })
        .project<Change>({ method_name: 1, otu: 1, diff: 1 })
        .sort({ 'otu.id': 1, 'otu.version': -1 })
        .toArray();
      for (const change of found) byOtu.get(change.otu.id)?.push(change);
    }
    return byOtu;
  };

  const readBatch = (wanted: readonly OtuAtVersion[]): Promise<Map<string, JoinedOtu>> =>
    // A transaction, so that an edit in between cannot mix two versions.
    database.transaction(async (session) => {
      const current = await otus.getManyJoined([...new Set(wanted.map(({ id }) => id))], session);
      const stale = wanted.filter(({ id, version }) => current.get(id)?.version !== version);
      const changes = stale.length > 0 ? await changesAfter(stale, session) : new Map<string, Change[]>();
      const states = wanted.map((pair): [string, JoinedOtu | undefined] => [
        versionKey(pair),
        patchOtu(current.get(pair.id), changes.get(pair.id) ?? [], pair.version).otu,
      ]);
      return new Map(states.filter((state): state is [string, JoinedOtu] => isState(state)));
    });

  const getOtusAtVersions = async (wanted: readonly OtuAtVersion[]): Promise<Map<string, JoinedOtu>> => {
    const found = new Map<string, JoinedOtu>();
    for (const part of slices(wanted, BATCH)) {
      for (const [key, otu] of await readBatch(part)) found.set(key, otu);
    }
    return found;
  };

  return {
    /** An OTU as it was at this version; undefined when it never had it. */
    async getOtuAtVersion(otuId: string, version: number): Promise<JoinedOtu | undefined> {
      const pair = { id: otuId, version };
      return (await getOtusAtVersions([pair])).get(versionKey(pair));
    },

    /** The OTUs as they were at these versions, by {@link versionKey}; those that never existed are left out. */
    getOtusAtVersions,

    /**
     * The same for versions that a finished index holds. Nothing can change those, so they are kept in a cache of bounded
     * size; treat them as read-only. Never use it for unbuilt versions: a reverted one may come again with other content.
     */
    async getBuiltOtus(wanted: readonly OtuAtVersion[]): Promise<Map<string, JoinedOtu>> {
      const found = new Map<string, JoinedOtu>();
      const missing: OtuAtVersion[] = [];
      for (const pair of wanted) {
        const otu = cache.get(versionKey(pair));
        if (otu) found.set(versionKey(pair), otu);
        else missing.push(pair);
      }
      for (const [key, otu] of await getOtusAtVersions(missing)) {
        cache.set(key, otu, sizeOf(otu));
        found.set(key, otu);
      }
      return found;
    },

    /**
     * The OTU at a version with the changes that lead away from it, read in the caller's transaction. A version of -1
     * stands for the time before the OTU existed.
     */
    async patchToVersion(otuId: string, version: number, session: ClientSession): Promise<PatchedOtu> {
      const current = await otus.getJoined(otuId, session);
      const changes = await changesAfter([{ id: otuId, version }], session);
      return patchOtu(current, changes.get(otuId) ?? [], version);
    },
  };
}

function isState([key, otu]: [string, JoinedOtu | undefined]): boolean {
  return otu !== undefined && versionKey({ id: otu._id, version: otu.version }) === key;
}

function slices<T>(list: readonly T[], size: number): T[][] {
  const count = Math.ceil(list.length / size);
  return Array.from({ length: count }, (_, index) => list.slice(index * size, (index + 1) * size));
}

// Bases and a flat estimate for the rest; only the order of magnitude counts.
function sizeOf(otu: JoinedOtu): number {
  const sequences = otu.isolates.flatMap((isolate) => isolate.sequences);
  return sequences.reduce((sum, sequence) => sum + sequence.sequence.length + 1_000, 2_000);
}
