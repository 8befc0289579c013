import type { Filter } from 'mongodb';
import type { Database, Stored } from './database/database.js';
import type { ProcessDocument } from './processes.js';
import {
  canReadReference,
  REFERENCE_ACCESS,
  type ReferenceAccess,
  type ReferenceRightStore,
  type ReferenceViewer,
} from './references/reference_rights.js';

/** What of a process decides who may see it. */
export type ProcessAccess = Stored & { type?: string; context?: { ref_id?: unknown; user_id?: unknown } };

/** Processes of the server itself, which work on no reference. */
const COMMON_TYPES = ['install_hmms', 'update_software'];

/** Whether everybody may see the process. */
export function isCommonProcess({ type }: Pick<ProcessAccess, 'type'>): boolean {
  return COMMON_TYPES.includes(type ?? '');
}

/**
 * Tells who may see which processes: who may read the reference that they work on, who has asked for them, and administrators. Those of
 * the server itself are seen by all.
 */
export function createProcessRightStore(database: Database, references: ReferenceRightStore) {
  const collection = database.collection<Stored & ReferenceAccess & { process?: { id: string } }>('references');

  return {
    /** Whether somebody may see the process. */
    async canSee(viewer: ReferenceViewer, process: ProcessAccess): Promise<boolean> {
      const { ref_id: referenceId, user_id: userId } = process.context ?? {};
      if (viewer.administrator || isCommonProcess(process) || userId === viewer.userId) return true;
      // Some processes of old releases do not name their reference, which names them.
      const reference =
        typeof referenceId === 'string'
          ? await references.access(referenceId)
          : await collection.findOne({ 'process.id': process._id }, { projection: REFERENCE_ACCESS });
      return reference !== null && canReadReference(viewer, reference);
    },

    /** Filter of the processes that somebody may see: the same rule, for lists. */
    async scope(viewer: ReferenceViewer): Promise<Filter<ProcessDocument>> {
      const scope = await references.scope(viewer);
      if (scope === 'all') return {};
      const named = await collection
        .find({ _id: { $in: [...scope] } })
        .project<{ process?: { id: string } }>({ process: 1 })
        .toArray();
      return {
        $or: [
          { type: { $in: COMMON_TYPES } },
          { 'context.user_id': viewer.userId },
          { 'context.ref_id': { $in: [...scope] } },
          { _id: { $in: named.flatMap(({ process }) => process?.id ?? []) }, 'context.ref_id': { $exists: false } },
        ],
      } as Filter<ProcessDocument>;
    },
  };
}
