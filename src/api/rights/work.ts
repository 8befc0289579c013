import type { Filter } from 'mongodb';
import type { Store } from '../../store/index.js';
import type { JobDocument } from '../../store/jobs.js';
import type { ProcessDocument } from '../../store/processes.js';
import { insufficientRights, notFound } from '../http/refusals.js';
import type { Right } from '../http/right.js';

/** The right to see the job of the path, and all that is done with it. */
export function onJob(store: Store): Right<JobDocument> {
  return {
    rule: { on: 'job' },
    async find({ params, caller }) {
      const job = await store.jobs.get(params.job_id ?? '');
      if (!job) return notFound();
      return (await store.jobRights.canSee(caller, job)) ? job : insufficientRights();
    },
  };
}

/** Lists of jobs: those that the caller may see. */
export function amongSeenJobs(store: Store): Right<Filter<JobDocument>> {
  return { rule: { on: 'list', of: 'jobs' }, find: ({ caller }) => store.jobRights.scope(caller) };
}

/** The right to see the process of the path. */
export function onProcess(store: Store): Right<ProcessDocument> {
  return {
    rule: { on: 'process' },
    async find({ params, caller }) {
      const process = await store.processes.get(params.process_id ?? '');
      if (!process) return notFound();
      return (await store.processRights.canSee(caller, process)) ? process : insufficientRights();
    },
  };
}

/** Lists of processes: those that the caller may see. */
export function amongSeenProcesses(store: Store): Right<Filter<ProcessDocument>> {
  return { rule: { on: 'list', of: 'processes' }, find: ({ caller }) => store.processRights.scope(caller) };
}
