import type { ApiDeps } from '../deps.js';
import { ofBody } from '../http/right.js';
import { type Route, route } from '../http/route.js';
import { onAnalysis } from '../rights/samples.js';
import { createBatch } from './batch.js';
import { rerunAnalysis } from './rerun.js';
import { CreateBatch, LARGEST_BATCH, RerunAnalysis } from './schemas.js';

/** Further ways to start analyses: many at once, and one again. */
export function createAnalysisStartRoutes(deps: ApiDeps): Route[] {
  const { store } = deps;
  return [
    route({
      method: 'POST',
      path: '/api/analyses/batch',
      summary: 'Start many analyses',
      description:
        'Starts an analysis for every combination of the samples, the references (with their newest ready indexes) and the workflows ' +
        `(algorithms), ${LARGEST_BATCH} at most. When anything is wrong nothing is started, and \`problems\` of the refusal lists all of it: ` +
        'each with the sample, reference or algorithm and with the `id` and `message` that the route of a single analysis would answer. ' +
        'Needs the rights to write every sample and to read every reference.',
      tag: 'Analyses',
      access: 'user',
      right: ofBody('to write the samples and to read the references'),
      body: CreateBatch,
      answers: {
        201: 'The new analyses, as `analyses`: by sample, then reference, then workflow, in the order of the request',
        400: 'Something is wrong with what the batch names; see `problems`',
        422: 'The body is not valid, or asks for too many analyses',
      },
      handle: ({ body, caller }) => createBatch(deps, caller, body),
    }),
    route({
      method: 'POST',
      path: '/api/analyses/:analysis_id/rerun',
      summary: 'Repeat an analysis',
      description:
        'Starts a new analysis of the same sample with the same reference and algorithm. `index` is `same`, the index of the former ' +
        'analysis, unless it is `latest`, the newest ready one of the reference. The results of long steps are taken over from the former ' +
        'analysis when inputs, programs and parameters are the same, else the step runs again; `notes` of the job tell which, and why. ' +
        'The results are those of a fresh run either way. Needs the rights to write the sample and to read the reference.',
      tag: 'Analyses',
      access: 'user',
      right: onAnalysis(store, 'write'),
      body: RerunAnalysis,
      answers: {
        201: 'The new analysis; `rerun_of` names the former one',
        400: 'The sample, reference or subtraction is gone, there is no ready index or no HMM data, or the algorithm is not available any more',
        403: 'The sample may not be changed, or the reference not be read',
        404: 'No such analysis',
        409: 'The analysis is still running, the files of its index are gone, or the subtraction is not ready',
        422: 'The body is not valid',
      },
      handle: ({ subject: found, body, caller }) => rerunAnalysis(deps, caller, found, body.index),
    }),
  ];
}
