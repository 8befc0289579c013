import { existsSync } from 'node:fs';
import { removePath } from '../../files/publish.js';
import { mapPage } from '../../store/database/pages.js';
import type { ApiDeps } from '../deps.js';
import { withId } from '../http/json.js';
import { pageRequest, searchTerm } from '../http/paging.js';
import { conflict, notFound } from '../http/refusals.js';
import { json, jsonWith, noContent, type Route, route } from '../http/route.js';
import { CLIENT_FOLDER } from '../pages/client.js';
import { onAnalysis, onSample } from '../rights/samples.js';
import { cancelBlasts, createBlastRoute } from './blast.js';
import { createAnalysis } from './create.js';
import { createResultEncoder } from './detail.js';
import { createAnalysisDownloadRoutes } from './downloads/routes.js';
import { isOldClient, withoutContigs } from './old_client.js';
import { CreateAnalysis } from './schemas.js';

/** Analyses: which viruses are in a sample. */
export function createAnalysisRoutes(deps: ApiDeps, clientFolder = CLIENT_FOLDER): Route[] {
  return [
    ...ofSampleRoutes(deps),
    ...analysisRoutes(deps, clientFolder),
    createBlastRoute(deps),
    ...createAnalysisDownloadRoutes(deps),
  ];
}

function ofSampleRoutes(deps: ApiDeps): Route[] {
  const { store } = deps;
  return [
    route({
      method: 'GET',
      path: '/api/samples/:sample_id/analyses',
      summary: 'List the analyses of a sample',
      description: 'Newest first. Needs the right to read the sample.',
      tag: 'Analyses',
      access: 'user',
      right: onSample(store, 'read'),
      query: {
        find: 'Text to look for in reference names and user ids',
        term: 'The same, for old scripts',
        page: 'Page, from 1',
        per_page: 'Analyses per page, 1 to 500',
      },
      answers: { 200: 'One page of analyses', 403: 'The sample may not be read', 404: 'No such sample' },
      async handle({ subject: sample, query }) {
        const term = searchTerm(query) ?? searchTerm(query, 'term');
        return json(mapPage(await store.analyses.list(sample._id, term, pageRequest(query)), withId));
      },
    }),
    route({
      method: 'POST',
      path: '/api/samples/:sample_id/analyses',
      summary: 'Start an analysis',
      description:
        'Starts the job of the algorithm with the newest ready index of the reference. The analysis has results when it is ' +
        '`ready`. Needs the rights to write the sample and to read the reference.',
      tag: 'Analyses',
      access: 'user',
      right: onSample(store, 'write'),
      body: CreateAnalysis,
      answers: {
        201: 'The new analysis',
        400: 'The reference does not exist or has no ready index, the subtraction is gone, or no HMM data are installed',
        403: 'The sample may not be changed, or the reference not be read',
        404: 'No such sample',
        409: 'The sample or its subtraction is not ready',
        422: 'The body is not valid',
      },
      handle: ({ subject: sample, body, caller }) => createAnalysis(deps, caller, sample, body),
    }),
  ];
}

const EMPTY = [Buffer.from('[]')];

function isEmpty(results: readonly Buffer[]): boolean {
  return results.reduce((sum, { byteLength }) => sum + byteLength, 0) === 2;
}

function analysisRoutes(deps: ApiDeps, clientFolder: string): Route[] {
  const isClientServed = !deps.config.no_client && existsSync(clientFolder);
  const { store, files: data } = deps;
  const encoder = createResultEncoder(deps);
  return [
    route({
      method: 'GET',
      path: '/api/analyses/:analysis_id',
      summary: 'Get an analysis',
      description:
        'The whole analysis. Until it is `ready` the list of results is empty. Results of `pathoscope_bowtie` are a list of OTUs with all their isolates and sequences, where ' +
        '`align` are the points of the depth curve, `depth_by_base` the same by the bases that reads really cover (without clipped, inserted ' +
        'and deleted ones); an OTU that can no longer be rebuilt is marked with `missing`. `decision` of an OTU ' +
        'is its call (positive, suspect or negative) by the thresholds in the settings, with the reason. Results of `nuvs` are a list of ' +
        'contigs; `blast` of a contig is its BLAST, and `blast_error` says why the last one has no result. ' +
        '`reads` says how many reads went in (`total`), were trimmed away (`trimmed`) and were looked at (`used`), mates counted singly; the ' +
        'aligner leaves reads aside of which more than 15 % is N. `warnings` says what makes results tell less than they seem to. ' +
        '`provenance` tells how the results came about: checksums of the inputs, versions and checksums of the programs with their ' +
        'arguments, and what each step took: `attempt` is the number of the attempt that made the result, `failed_attempts` has what ' +
        'those before it took. `trying` is the step that is under way. Needs the right to read the sample.',
      tag: 'Analyses',
      access: 'user',
      right: onAnalysis(store, 'read'),
      answers: {
        200: 'The analysis',
        400: 'The sample is gone',
        403: 'The sample may not be read',
        404: 'No such analysis, or the file with its results is gone',
      },
      async handle({ context, subject: found }) {
        const { blasts: _, ...analysis } = found.analysis;
        const wire = { ...withId(analysis), subtraction: { id: found.sample.subtraction.id } };
        const results = analysis.ready ? await encoder.encode(found.analysis) : EMPTY;
        if (!results) return notFound('Results not found');
        const isLost = analysis.algorithm === 'nuvs' && isEmpty(results) && isOldClient(context, isClientServed);
        return jsonWith(wire, 'results', isLost ? withoutContigs() : results);
      },
    }),
    route({
      method: 'DELETE',
      path: '/api/analyses/:analysis_id',
      summary: 'Remove an analysis',
      description:
        'Removes a finished analysis with its files and ends its BLASTs. Needs the right to write the sample.',
      tag: 'Analyses',
      access: 'user',
      right: onAnalysis(store, 'write'),
      answers: {
        204: 'It is gone',
        400: 'The sample is gone',
        403: 'The sample may not be changed',
        404: 'No such analysis',
        409: 'The analysis is still running',
      },
      async handle({ subject: { analysis } }) {
        if (!analysis.ready) return conflict('Analysis is still running');
        if (!(await store.analyses.remove(analysis._id))) return notFound();
        await cancelBlasts(deps, analysis);
        await removePath(data.analysis(analysis.sample.id, analysis._id));
        return noContent();
      },
    }),
  ];
}
