import { isFinal } from '../../contracts/jobs.js';
import type { DataDirectory } from '../../files/data_directory.js';
import { removePath } from '../../files/publish.js';
import { mapPage } from '../../store/database/pages.js';
import { jobState, toJobListItem } from '../../store/jobs.js';
import type { ApiDeps } from '../deps.js';
import { fileResponse } from '../downloads/file_response.js';
import { firstOf, pageRequest, searchTerm } from '../http/paging.js';
import { conflict, notFound, Refusal } from '../http/refusals.js';
import { json, noContent, type Route, route } from '../http/route.js';
import { amongSeenJobs, onJob } from '../rights/work.js';
import { cancelJob } from './cancel.js';
import { statesOfFilter, toWireJob } from './wire.js';

/** How long the answer to a cancel waits for the end of the job. */
const CANCEL_LIMIT_MS = 2_000;

/** Jobs: the long work of the server, with what happened to it. */
export function createJobRoutes(deps: ApiDeps, cancelLimitMs = CANCEL_LIMIT_MS): Route[] {
  return [...readRoutes(deps), cancelRoute(deps, cancelLimitMs), ...removeRoutes(deps)];
}

function readRoutes({ store, files: data }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/jobs',
      summary: 'List jobs',
      description:
        'The jobs that the caller may see, oldest first, each with its state of the moment: own ones, those of samples and references that ' +
        'the caller may read, and those of subtractions.',
      tag: 'Jobs',
      access: 'user',
      right: amongSeenJobs(store),
      query: {
        find: 'Text to look for in tasks and user ids',
        page: 'Page, from 1',
        per_page: 'Jobs per page, 1 to 500',
      },
      answers: { 200: 'One page of jobs' },
      async handle({ query, subject: scope }) {
        return json(mapPage(await store.jobs.list(scope, searchTerm(query), pageRequest(query)), toJobListItem));
      },
    }),
    route({
      method: 'GET',
      path: '/api/jobs/:job_id',
      summary: 'Get a job',
      description: 'The whole job: its arguments, its limits and everything that happened to it, oldest first.',
      tag: 'Jobs',
      access: 'user',
      right: onJob(store),
      answers: { 200: 'The job', 404: 'No such job' },
      handle: async ({ subject: job }) => json(toWireJob(job)),
    }),
    route({
      method: 'GET',
      path: '/api/jobs/:job_id/log',
      summary: 'Get the log of a job',
      description:
        'What the steps of the job and their programs wrote, as plain text; grows while the job runs. It goes with the job.',
      tag: 'Jobs',
      access: 'user',
      right: onJob(store),
      answers: {
        200: 'The log',
        206: 'The range of bytes that was asked for',
        404: 'No such job, or it has written nothing yet',
        416: 'The range lies behind the end of the log',
      },
      handle: ({ context, subject: job }) => fileResponse(context, data.jobLog(job._id), 'text/plain; charset=utf-8'),
    }),
  ];
}

function cancelRoute(deps: ApiDeps, cancelLimitMs: number): Route {
  return route({
    method: 'PUT',
    path: '/api/jobs/:job_id/cancel',
    summary: 'Cancel a job',
    description:
      'Asks a waiting or running job to stop, and waits up to two seconds for its end: what the job has done so far is undone first, then it ' +
      'is `cancelled`. An answer that still says `running` means that this goes on.',
    tag: 'Jobs',
    access: { permission: 'cancel_job' },
    right: onJob(deps.store),
    answers: { 200: 'The job', 404: 'No such job', 409: 'The job has ended' },
    async handle({ subject }) {
      const job = await cancelJob(deps, subject._id, cancelLimitMs);
      return job instanceof Refusal ? job : json(toWireJob(job));
    },
  });
}

function removeRoutes({ store, files: data }: ApiDeps): Route[] {
  return [
    route({
      method: 'DELETE',
      path: '/api/jobs',
      summary: 'Clear jobs',
      description:
        'Removes the jobs that have ended, with their logs, or those that ended as the filter says, as far as the caller may see them.',
      tag: 'Jobs',
      access: { permission: 'remove_job' },
      right: amongSeenJobs(store),
      query: {
        filter: '`finished` (also when absent), `complete`, or `failed` for those with an error or cancelled ones',
      },
      answers: { 200: 'The ids of the jobs that are gone' },
      async handle({ query, subject: scope }) {
        const removed = await store.jobs.clear(scope, statesOfFilter(firstOf(query, 'filter')));
        for (const jobId of removed) await removeLog(data, jobId);
        return json({ removed });
      },
    }),
    route({
      method: 'DELETE',
      path: '/api/jobs/:job_id',
      summary: 'Remove a job',
      description: 'Removes a job that has ended, with its log.',
      tag: 'Jobs',
      access: { permission: 'remove_job' },
      right: onJob(store),
      answers: { 204: 'It is gone', 404: 'No such job', 409: 'The job has not ended' },
      async handle({ subject: job }) {
        if (!isFinal(jobState(job))) return conflict('Job is running or waiting and cannot be removed');
        if (!(await store.jobs.removeEnded(job._id))) return notFound();
        await removeLog(data, job._id);
        return noContent();
      },
    }),
  ];
}

const removeLog = (data: DataDirectory, jobId: string) => removePath(data.jobLog(jobId));
