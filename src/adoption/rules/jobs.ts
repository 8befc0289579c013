import type { JobError } from '../../contracts/failures.js';
import { isTask, type JobStatus } from '../../contracts/jobs.js';
import type { AnalysisDocument } from '../../store/analyses.js';
import type { JobDocument } from '../../store/jobs.js';
import { eachDocument, inBatches, type Loose, textOf, UNFINISHED } from '../documents.js';
import type { Rule, Site } from '../rule.js';
import { lastStep, type Plan, planJob } from './job_plans.js';

const ANALYSES = ['pathoscope_bowtie', 'nuvs'];

/** Release 3.7.3 drew a random id for `job` of an analysis, which no job has. */
export const analysisJobs: Rule = {
  name: 'analysis_jobs',
  title: 'Analyses that name a job which is not theirs',
  action: 'name the job that is about them',
  async *find({ store }) {
    const analyses = store.database.collection<AnalysisDocument>('analyses');
    const jobs = eachDocument(store.jobs.collection, { task: { $in: ANALYSES } }, { 'args.analysis_id': 1 });
    for await (const batch of inBatches(jobs)) {
      const jobOf = new Map(batch.flatMap(({ _id, args }) => namedBy(args, _id)));
      const found = eachDocument(analyses, { _id: { $in: [...jobOf.keys()] } }, { 'job.id': 1 });
      for await (const { _id, job } of found) {
        const jobId = jobOf.get(_id);
        if (jobId === undefined || job?.id === jobId) continue;
        const repair = async () => void (await analyses.updateOne({ _id }, { $set: { job: { id: jobId } } }));
        yield { id: _id, repair };
      }
    }
  },
};

function namedBy(args: JobDocument['args'] | undefined, jobId: string): [string, string][] {
  const analysisId = textOf(args?.analysis_id);
  return analysisId === undefined ? [] : [[analysisId, jobId]];
}

/** Jobs that this server has made, or has begun already, have `created_at`. */
const LEFT = { created_at: { $exists: false }, ...UNFINISHED };

/** Release 3.7.3 kept its queue in memory: what it had not ended when it stopped waits or runs for ever. */
export const unfinishedJobs: Rule = {
  name: 'unfinished_jobs',
  title: 'Jobs that nobody works on',
  action: 'run again from the begin when all is there that they need, else fail and undo what they made',
  async *find(site) {
    const jobs = eachDocument(site.store.jobs.collection, LEFT, { 'args.manifest': 0 });
    for await (const job of jobs) {
      const plan = await planJob(site, job);
      yield { id: job._id, repair: () => carryOut(site, job, plan) };
    }
  },
};

async function carryOut(site: Site, job: JobDocument, plan: Plan): Promise<void> {
  if (plan.outcome === 'again') return beginAgain(site, job, plan.prepare);
  if (plan.outcome === 'complete') return complete(site, job, plan.publish);
  for (const path of plan.leftovers) await site.setAside(path);
  const { _id: jobId, task, args, proc, mem } = job;
  if (isTask(task) && plan.isNamed) await site.undo[task]({ jobId, task, args, cost: { proc, mem } });
  await site.store.jobs.close(jobId, { state: 'error', error: unfinishedError(plan.reason, job) });
}

/** Makes it a waiting job of this server, which starts it within a minute. */
async function beginAgain({ store }: Site, { _id, status }: JobDocument, prepare: () => Promise<void>): Promise<void> {
  await prepare();
  const timestamp = status?.at(0)?.timestamp ?? new Date(0);
  const waiting: JobStatus = { state: 'waiting', stage: null, error: null, progress: 0, timestamp };
  await store.jobs.collection.updateOne({ _id, ...LEFT } as object, {
    $set: { status: [waiting], created_at: timestamp },
  });
}

async function complete(
  { store }: Site,
  { _id, task }: JobDocument,
  publish: Extract<Plan, { outcome: 'complete' }>['publish'],
): Promise<void> {
  await store.database.transaction(async (session) => {
    await publish(session);
    const stage = lastStep(task);
    await store.jobs.close(_id, { state: 'complete', error: null, ...(stage ? { stage } : {}) }, session);
  });
}

function unfinishedError(reason: string, { status }: JobDocument): JobError {
  return {
    type: 'Unfinished',
    traceback: [],
    details: ['Release 3.7.3 was stopped before this job had ended.', reason],
    class: 'worker_lost',
    step: status?.at(-1)?.stage ?? null,
    tool: null,
    exit_code: null,
    advice: 'Ask for it again.',
  };
}

/** A replacement of reads whose job has ended otherwise, or was removed, can be asked for again. */
export const endedReplacements: Rule = {
  name: 'ended_replacements',
  title: 'Samples whose replacement of reads ended without a word',
  action: 'can be given other reads again',
  async *find({ store }) {
    const samples = store.database.collection<Loose>('samples');
    const waiting = eachDocument(samples, { update_job: { $exists: true } }, { update_job: 1 });
    for await (const { _id, update_job: job } of waiting) {
      const jobId = textOf((job as { id?: unknown } | null)?.id);
      if (jobId !== undefined && (await store.jobs.ended([jobId])).length === 0) continue;
      const repair = async () =>
        void (await samples.updateOne({ _id, update_job: job }, { $unset: { update_job: '' } }));
      yield { id: _id, repair };
    }
  },
};
