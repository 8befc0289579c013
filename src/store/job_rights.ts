import type { Document, Filter } from 'mongodb';
import type { Database, Stored } from './database/database.js';
import { fields } from './database/pages.js';
import type { JobDocument } from './jobs.js';
import { canReadReference, type ReferenceRightStore } from './references/reference_rights.js';
import {
  canRead,
  type RightsHolder,
  readFilter,
  SAMPLE_RIGHTS_FIELDS,
  type SampleRights,
} from './samples/sample_rights.js';

/** What of a job decides who may see it. */
export type JobAccess = { user: { id: string }; args: Record<string, unknown> };

/** What a job works on: a sample, a reference, or what belongs to the whole laboratory, as subtractions do. */
export type JobParent = { kind: 'sample' | 'reference'; id: string } | undefined;

/** Projection of {@link JobAccess}. */
export const JOB_ACCESS = fields('user', 'args.sample_id', 'args.ref_id');

/** What a job belongs to. An analysis belongs to its sample, whoever may read the reference. */
export function parentOfJob({ args }: Pick<JobAccess, 'args'>): JobParent {
  if (typeof args?.sample_id === 'string') return { kind: 'sample', id: args.sample_id };
  if (typeof args?.ref_id === 'string') return { kind: 'reference', id: args.ref_id };
  return undefined;
}

/**
 * Tells who may see which jobs, with their arguments and logs: who may read the sample or reference that they belong to, the user that
 * they run for, and administrators. Jobs that belong to neither are seen by all.
 */
export function createJobRightStore(database: Database, references: ReferenceRightStore) {
  const jobs = database.collection<JobDocument>('jobs');
  const samples = database.collection<Stored & SampleRights>('samples');

  const parentsOfOthers = async (userId: string): Promise<string[]> => {
    const found = await jobs
      .aggregate<{ _id: unknown }>([
        { $match: { 'user.id': { $ne: userId }, 'args.sample_id': { $exists: true } } },
        { $group: { _id: '$args.sample_id' } },
      ])
      .toArray();
    return found.map(({ _id }) => _id).filter((id) => typeof id === 'string');
  };

  const readableSamples = async (viewer: RightsHolder): Promise<readonly string[]> => {
    const kept = await database.kept.of('samples').ids(readFilter(viewer));
    if (kept) return kept;
    const wanted = { $and: [{ _id: { $in: await parentsOfOthers(viewer.userId) } }, readFilter(viewer)] } as Document;
    const found = await samples
      .find(wanted as Filter<Stored & SampleRights>)
      .project<Stored>({ _id: 1 })
      .toArray();
    return found.map(({ _id }) => _id);
  };

  return {
    /** Whether somebody may see the job. */
    async canSee(viewer: RightsHolder, job: JobAccess): Promise<boolean> {
      const parent = parentOfJob(job);
      if (viewer.administrator || job.user.id === viewer.userId || !parent) return true;
      if (parent.kind === 'reference') {
        const reference = await references.access(parent.id);
        return reference !== null && canReadReference(viewer, reference);
      }
      const sample = await samples.findOne({ _id: parent.id }, { projection: fields(...SAMPLE_RIGHTS_FIELDS) });
      return sample !== null && canRead(viewer, sample);
    },

    /** Filter of the jobs that somebody may see: the same rule, for lists. */
    async scope(viewer: RightsHolder): Promise<Filter<JobDocument>> {
      if (viewer.administrator) return {};
      const scope = await references.scope(viewer);
      const ofNoSample = { 'args.sample_id': { $exists: false } };
      return {
        $or: [
          { 'user.id': viewer.userId },
          { 'args.sample_id': { $in: (await readableSamples(viewer)) as string[] } },
          { ...ofNoSample, 'args.ref_id': scope === 'all' ? { $exists: true } : { $in: [...scope] } },
          { ...ofNoSample, 'args.ref_id': { $exists: false } },
        ],
      } as Filter<JobDocument>;
    },
  };
}
