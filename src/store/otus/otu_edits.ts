import { BSON, type ClientSession } from 'mongodb';
import type { Compete } from '../database/contention.js';
import type { Database } from '../database/database.js';
import { randomId } from '../database/ids.js';
import {
  changeId,
  type HistoryDocument,
  type HistoryMethod,
  nameWithAbbreviation,
  UNBUILT,
} from '../history/history.js';
import { diffStates } from '../history/otu_diff.js';
import type { ReferenceDocument } from '../references/references.js';
import { findIssues } from './otu_issues.js';
import { findNameClash, holdNames, isRenamed, type NameClash } from './otu_names.js';
import type { OtuRemovalStore } from './otu_removals.js';
import { type JoinedOtu, type OtuStore, type Segment, splitOtu } from './otus.js';
import { sequenceWrites } from './sequence_writes.js';
import type { SequenceDocument, SequenceStore } from './sequences.js';

/** A new state of an OTU, and what the history says about it. Version and verification are set when it is stored. */
export type OtuChange = { otu: JoinedOtu; method: HistoryMethod; description: string };

/** Why a change cannot be made: something that it names is not there. */
export type ChangeRefusal = 'unknown' | 'unknown_segment';

/**
 * Makes a new state of an OTU. The given state stays as it is, and what does not change is taken over as the same objects:
 * that is how changed sequences are told. It runs again when another edit was faster.
 */
export type ChangeOtu = (otu: JoinedOtu) => OtuChange | 'unchanged' | ChangeRefusal;

/** Why an OTU is not edited. */
export type EditRefusal = ChangeRefusal | NameClash | 'too_large' | 'contended';

/** The OTU after an edit with the change that was written, or why there is none. Without a change nothing differed. */
export type EditOutcome = { ok: true; otu: JoinedOtu; change?: HistoryDocument } | { ok: false; reason: EditRefusal };

/** A new OTU. */
export type NewOtu = { referenceId: string; name: string; abbreviation: string; schema: Segment[] };

/** Bytes of a document that the database surely takes; its limit is 16 MiB. */
const DOCUMENT_LIMIT_BYTES = 15 * 1024 ** 2;

/**
 * Edits OTUs. Each edit is one transaction: OTU, sequences and the change that tells of it are written together or not at
 * all, and edits of one OTU follow one another.
 */
export function createOtuEditStore(
  database: Database,
  stores: { otus: OtuStore; sequences: SequenceStore; otuRemovals: OtuRemovalStore },
  compete: Compete,
) {
  const otus = stores.otus.collection;
  const history = database.collection<HistoryDocument>('history');
  const references = database.collection<ReferenceDocument>('references');

  const nameClash = async (otu: JoinedOtu, before: JoinedOtu | undefined, session: ClientSession) => {
    if (!isRenamed(otu, before)) return undefined;
    await holdNames(database, otu.reference.id, session);
    return findNameClash(database, otu, before, session);
  };

  return {
    /** Creates an OTU without isolates; `unknown` when the reference is gone. */
    create({ referenceId, name, abbreviation, schema }: NewOtu, userId: string): Promise<EditOutcome> {
      return compete(referenceId, async (session): Promise<EditOutcome> => {
        const otu: JoinedOtu = {
          _id: randomId(),
          name,
          abbreviation,
          last_indexed_version: null,
          verified: false,
          lower_name: name.toLowerCase(),
          isolates: [],
          version: 0,
          reference: { id: referenceId },
          schema,
        };
        const clash = await nameClash(otu, undefined, session);
        if (clash) return { ok: false, reason: clash };
        const reference = await references.findOne({ _id: referenceId }, { session, projection: { _id: 1 } });
        if (!reference) return { ok: false, reason: 'unknown' };
        const description = `Created ${nameWithAbbreviation(otu)}`;
        const change: HistoryDocument = { ...entry(otu, otu, userId), method_name: 'create', description, diff: otu };
        await otus.insertOne(splitOtu(otu).otu, { session });
        await history.insertOne(change, { session });
        return { ok: true, otu, change };
      });
    },

    /** Edits an OTU: its version grows by one and it is verified anew, unless nothing differs. */
    change(otuId: string, userId: string, makeChange: ChangeOtu): Promise<EditOutcome> {
      return compete(otuId, async (session): Promise<EditOutcome> => {
        const before = await stores.otus.getJoined(otuId, session);
        if (!before) return { ok: false, reason: 'unknown' };
        const made = makeChange(before);
        if (made === 'unchanged') return { ok: true, otu: before };
        if (typeof made === 'string') return { ok: false, reason: made };
        const after = { ...made.otu, version: before.version + 1, verified: findIssues(made.otu) === null };
        const change: HistoryDocument = {
          ...entry(before, after, userId),
          method_name: made.method,
          description: made.description,
          diff: diffStates(before, after),
        };
        if (isTooLarge(after) || isTooLarge(change)) return { ok: false, reason: 'too_large' };
        const clash = await nameClash(after, before, session);
        if (clash) return { ok: false, reason: clash };
        const expected = { _id: otuId, version: before.version };
        const { matchedCount } = await otus.replaceOne(expected, splitOtu(after).otu, { session });
        if (matchedCount === 0) return { ok: false, reason: 'contended' };
        const positions = await stores.sequences.positions([otuId], session);
        await stores.sequences.write(sequenceWrites(sequencesOf(before), after.isolates, positions), session);
        await history.insertOne(change, { session });
        return { ok: true, otu: after, change };
      });
    },

    /** Removes an OTU with its sequences; its reference loses it as internal control. */
    remove(otuId: string, userId: string): Promise<{ ok: true } | { ok: false; reason: 'unknown' | 'contended' }> {
      return compete(otuId, async (session) => {
        const isRemoved = await stores.otuRemovals.removeWithHistory(otuId, { userId }, session);
        return isRemoved ? ({ ok: true } as const) : ({ ok: false, reason: 'unknown' } as const);
      });
    },
  };
}

function entry(before: JoinedOtu, after: JoinedOtu, userId: string) {
  return {
    _id: changeId(after._id, after.version),
    created_at: new Date(),
    otu: { id: after._id, name: before.name, version: after.version },
    reference: { id: after.reference.id },
    index: { ...UNBUILT },
    user: { id: userId },
  };
}

function sequencesOf(otu: JoinedOtu): SequenceDocument[] {
  return otu.isolates.flatMap((isolate) => isolate.sequences);
}

// The whole OTU becomes part of the history at the latest when it is removed.
function isTooLarge(document: JoinedOtu | HistoryDocument): boolean {
  return BSON.calculateObjectSize(document) > DOCUMENT_LIMIT_BYTES;
}
