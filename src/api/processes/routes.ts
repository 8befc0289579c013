import type { ApiDeps } from '../deps.js';
import { json, type Route, route } from '../http/route.js';
import { amongSeenProcesses, onProcess } from '../rights/work.js';
import { toWireProcess } from './wire.js';

/** Processes: long work on references. */
export function createProcessRoutes({ store }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/processes',
      access: 'user',
      right: amongSeenProcesses(store),
      tag: 'Processes',
      summary: 'List processes',
      description:
        'The processes that the caller may see, oldest first: own ones, those of references that the caller may read, and those of the ' +
        'server. One with `errors` has failed. Their `context` leaves out manifests and ids of OTUs, which a single process has. Those that have ' +
        'ended go after 30 days, but for the last 100.',
      answers: { 200: 'The processes' },
      handle: async ({ subject: scope }) => json((await store.processes.list(scope)).map(toWireProcess)),
    }),
    route({
      method: 'GET',
      path: '/api/processes/:process_id',
      access: 'user',
      right: onProcess(store),
      tag: 'Processes',
      summary: 'Get a process',
      description: 'Step, progress (0 to 1) and, when it has failed, the reasons in `errors`.',
      answers: { 200: 'The process', 404: 'No such process' },
      handle: async ({ subject: process }) => json(toWireProcess(process)),
    }),
  ];
}
