import type { ClientSession, Filter } from 'mongodb';
import { FINAL_STATES, isFinal, type JobState, type JobStatus } from '../contracts/jobs.js';
import type { Database, Stored } from './database/database.js';
import { fields, findKeptPage, type Page, type PageRequest } from './database/pages.js';

/** A job as stored: what to do, for whom, with which limits, and all that happened to it. */
export type JobDocument = Stored & {
  task: string;
  args: Record<string, unknown>;
  proc: number;
  mem: number;
  user: { id: string };
  /** The time of its first status, for the order of lists; in jobs of older releases from the next start on. */
  created_at?: Date;
  status: JobStatus[];
  /** How far the running step is, 0 to 1, and what it does; only while it reports. */
  step?: { stage: string; fraction: number; share: number } | undefined;
  /** What the server did on its own account that a user should know of, such as a second try with fewer threads. */
  notes?: JobNote[];
  /** Set on request of a user; the reconciler cancels a workflow that missed it. */
  cancel_requested?: boolean;
  /** What it has made is being removed, so it cannot become complete any more. */
  undoing?: boolean;
  /** It has a final state. Jobs of older releases get this from the next start on, so its absence alone says nothing. */
  ended?: true;
};

/** Something worth knowing that happened in a step. */
export type JobNote = { stage: string; text: string; timestamp: Date };

/** A job in lists and messages. */
export type JobListItem = {
  id: string;
  task: string;
  proc: number;
  mem: number;
  user: { id: string };
  state: JobState;
  stage: string | null;
  progress: number;
  created_at: Date;
};

/** Fields that lists and messages need. */
export const JOB_PROJECTION = fields('_id', 'task', 'status', 'proc', 'mem', 'user', 'step', 'created_at');

const NOT_FINAL = { 'status.state': { $nin: [...FINAL_STATES] } };
/** What jobs that have not ended fit, and few others: conditions on `status` would go through all jobs there are. */
export const PERHAPS_UNFINISHED = { ended: null } as object as Filter<JobDocument>;

const NOT_UNDONE = { undoing: { $ne: true } };

/** Whether what a job has made may be removed: not when it is `complete`. A job that is `gone` has no say. */
export type UndoClaim = 'claimed' | 'complete' | 'gone';

/** A job in the form of lists and messages: the last status instead of all, with the running step's own progress. */
export function toJobListItem(job: JobDocument): JobListItem {
  const first = job.status.at(0);
  const last = job.status.at(-1);
  const within = last?.state === 'running' && job.step?.stage === last.stage ? job.step.fraction * job.step.share : 0;
  return {
    id: job._id,
    task: job.task,
    proc: job.proc,
    mem: job.mem,
    user: job.user,
    state: last?.state ?? 'waiting',
    stage: last?.stage ?? null,
    // Cut, not rounded: the end of a step must not show more than the begin of the next one.
    progress: Math.floor(((last?.progress ?? 0) + within) * 100 + 1e-6) / 100,
    created_at: first?.timestamp ?? new Date(0),
  };
}

/** The state of a job: that of its last status. */
export function jobState(job: Pick<JobDocument, 'status'>): JobState {
  return job.status.at(-1)?.state ?? 'waiting';
}

/** Whether a job has a final state. */
export function hasEnded(job: Pick<JobDocument, 'status'>): boolean {
  return (job.status ?? []).some(({ state }) => isFinal(state));
}

/** Access to the collection `jobs`. */
export type JobStore = ReturnType<typeof createJobStore>;

/** Reads and conditional writes of jobs. A final state is never left, whoever comes late. */
export function createJobStore(database: Database) {
  const jobs = database.collection<JobDocument>('jobs');

  const appendStatus = async (
    jobId: string,
    entry: Omit<JobStatus, 'timestamp' | 'progress' | 'stage'> & { stage?: string | null; progress?: number },
    condition: Filter<JobDocument> = {},
    session?: ClientSession,
  ): Promise<boolean> => {
    const job = await jobs.findOne({ _id: jobId }, { projection: { status: 1 }, ...(session ? { session } : {}) });
    const last = job?.status.at(-1);
    const status: JobStatus = {
      state: entry.state,
      stage: entry.stage === undefined ? (last?.stage ?? null) : entry.stage,
      error: entry.error,
      progress: entry.progress ?? last?.progress ?? 0,
      timestamp: new Date(),
    };
    const result = await jobs.updateOne(
      { _id: jobId, ...NOT_FINAL, ...condition } as Filter<JobDocument>,
      {
        $push: { status },
        $unset: { step: '', ...(isFinal(entry.state) ? { undoing: '' as const } : {}) },
        ...(isFinal(entry.state) ? { $set: { ended: true as const } } : {}),
      },
      session ? { session } : {},
    );
    return result.matchedCount === 1;
  };

  return {
    collection: jobs,

    get: (jobId: string) => jobs.findOne({ _id: jobId }),

    /** Inserts a waiting job in the caller's transaction. */
    async insert(
      job: { _id: string; task: string; args: Record<string, unknown>; proc: number; mem: number; userId: string },
      session: ClientSession,
    ): Promise<JobDocument> {
      const now = new Date();
      const document: JobDocument = {
        _id: job._id,
        task: job.task,
        args: job.args,
        proc: job.proc,
        mem: job.mem,
        user: { id: job.userId },
        created_at: now,
        status: [{ state: 'waiting', stage: null, error: null, progress: 0, timestamp: now }],
      };
      await jobs.insertOne(document, { session });
      return document;
    },

    /** Appends `running` for a step that begins; false when the job has ended or is being undone. Twice for the same step counts once. */
    async startStep(jobId: string, stage: string, progress: number): Promise<boolean> {
      const began = await appendStatus(
        jobId,
        { state: 'running', stage, progress, error: null },
        { 'status.stage': { $ne: stage }, ...NOT_UNDONE },
      );
      if (began) return true;
      const open = { _id: jobId, ...NOT_FINAL, ...NOT_UNDONE } as Filter<JobDocument>;
      return (await jobs.countDocuments(open, { limit: 1 })) === 1;
    },

    /** The steps that have begun, in their order. */
    async begunStages(jobId: string): Promise<(string | null)[]> {
      const job = await jobs.findOne({ _id: jobId }, { projection: { 'status.stage': 1 } });
      return job?.status.map(({ stage }) => stage) ?? [];
    },

    /** Notes how far the running step is; `share` is the step's part of the job. */
    async reportProgress(jobId: string, stage: string, fraction: number, share: number): Promise<void> {
      await jobs.updateOne({ _id: jobId, ...NOT_FINAL } as Filter<JobDocument>, {
        $set: { step: { stage, fraction, share } },
      });
    },

    /** Appends a note; the same one counts once, as a step may run twice. */
    async addNote(jobId: string, note: Omit<JobNote, 'timestamp'>): Promise<void> {
      await jobs.updateOne({ _id: jobId, notes: { $not: { $elemMatch: note } } } as Filter<JobDocument>, {
        $push: { notes: { ...note, timestamp: new Date() } },
      });
    },

    /** Appends the final state; false when the job has ended already or is gone, and for `complete` also when it is being undone. */
    close(
      jobId: string,
      entry: { state: 'complete' | 'error' | 'cancelled'; error: JobStatus['error']; stage?: string },
      session?: ClientSession,
    ): Promise<boolean> {
      const isComplete = entry.state === 'complete';
      const progress = isComplete ? { progress: 1 } : {};
      return appendStatus(jobId, { ...entry, ...progress }, isComplete ? NOT_UNDONE : {}, session);
    },

    /**
     * Claims a job for its undoing, unless it is complete. It decides against a transaction that completes the job at the same time:
     * both change the job, so one of them comes first, and the other one finds that.
     */
    async claimUndo(jobId: string): Promise<UndoClaim> {
      const open = { _id: jobId, 'status.state': { $ne: 'complete' } } as Filter<JobDocument>;
      const { matchedCount } = await jobs.updateOne(open, { $set: { undoing: true } });
      if (matchedCount === 1) return 'claimed';
      return (await jobs.countDocuments({ _id: jobId }, { limit: 1 })) === 1 ? 'complete' : 'gone';
    },

    /** Marks an unfinished job as to be cancelled; false when it has ended or does not exist. */
    async requestCancel(jobId: string): Promise<boolean> {
      const result = await jobs.updateOne({ _id: jobId, ...NOT_FINAL } as Filter<JobDocument>, {
        $set: { cancel_requested: true },
      });
      return result.matchedCount === 1;
    },

    /** One page of the jobs that somebody may see, by the scope of `jobRights`, oldest first. */
    list(scope: Filter<JobDocument>, find: string | undefined, request: PageRequest): Promise<Page<JobDocument>> {
      return findKeptPage(
        jobs,
        {
          kept: database.kept.of('jobs'),
          find,
          base: scope,
          sort: { created_at: 1, _id: 1 },
          projection: JOB_PROJECTION,
        },
        request,
      );
    },

    /** Removes a job that has ended; false when it runs or waits. */
    async removeEnded(jobId: string): Promise<boolean> {
      const result = await jobs.deleteOne({ _id: jobId, 'status.state': { $in: [...FINAL_STATES] } });
      return result.deletedCount === 1;
    },

    /** Removes all jobs of the scope that ended in one of the states; gives their ids. Only the last status counts. */
    async clear(scope: Filter<JobDocument>, states: readonly JobState[]): Promise<string[]> {
      const ended = await jobs
        .find({ $and: [{ 'status.state': { $in: [...states] } }, scope] } as Filter<JobDocument>)
        .project<Pick<JobDocument, '_id' | 'status'>>({ 'status.state': 1 })
        .toArray();
      const ids = ended.filter((job) => states.includes(jobState(job))).map((job) => job._id);
      if (ids.length > 0) await jobs.deleteMany({ _id: { $in: ids } });
      return ids;
    },

    /** Those of the jobs that have ended or are gone. */
    async ended(jobIds: readonly string[]): Promise<string[]> {
      const unfinished = await jobs
        .find({ _id: { $in: [...jobIds] }, ...NOT_FINAL } as Filter<JobDocument>)
        .project<Stored>({ _id: 1 })
        .toArray();
      const working = new Set(unfinished.map(({ _id }) => _id));
      return jobIds.filter((id) => !working.has(id));
    },

    /** The values that an argument has in the jobs that have not ended. */
    async argumentsOfUnfinished(name: 'sample_id' | 'analysis_id'): Promise<string[]> {
      const values = (await unfinished(`args.${name}`)).map(({ args }) => args?.[name]);
      return [...new Set(values.filter((value) => typeof value === 'string'))];
    },

    /** Ids of all jobs that have not ended, oldest first. */
    async unfinishedIds(): Promise<string[]> {
      return (await unfinished()).map(({ _id }) => _id);
    },
  };

  async function unfinished(...more: string[]): Promise<Pick<JobDocument, '_id' | 'args' | 'status'>[]> {
    const found = await jobs
      .find(PERHAPS_UNFINISHED)
      .project<Pick<JobDocument, '_id' | 'args' | 'status'>>(fields('status.state', ...more))
      .sort({ created_at: 1, _id: 1 })
      .toArray();
    return found.filter((job) => !hasEnded(job));
  }
}
