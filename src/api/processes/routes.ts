import type { ApiDeps } from '../deps.js';
import { notFound } from '../http/refusals.js';
import { json, type Route, route } from '../http/route.js';
import { toWireProcess } from './wire.js';

/** Processes: long work on references. */
export function createProcessRoutes({ store }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/processes',
      access: 'user',
      tag: 'Processes',
      summary: 'List processes',
      description:
        'All processes, oldest first. One with `errors` has failed. Their `context` leaves out manifests and ids of OTUs, which a single ' +
        'process has. Those that have ended go after 30 days, but for the last 100.',
      answers: { 200: 'The processes' },
      handle: async () => json((await store.processes.list()).map(toWireProcess)),
    }),
    route({
      method: 'GET',
      path: '/api/processes/:process_id',
      access: 'user',
      tag: 'Processes',
      summary: 'Get a process',
      description: 'Step, progress (0 to 1) and, when it has failed, the reasons in `errors`.',
      answers: { 200: 'The process', 404: 'No such process' },
      async handle({ params }) {
        const process = await store.processes.get(params.process_id ?? '');
        return process ? json(toWireProcess(process)) : notFound();
      },
    }),
  ];
}
