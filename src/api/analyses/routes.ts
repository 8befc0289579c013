import { removePath } from '../../files/publish.js';
import type { PathoscopeHit } from '../../store/analyses.js';
import { mapPage } from '../../store/database/pages.js';
import { canRead, canWrite } from '../../store/samples/sample_rights.js';
import type { ApiDeps } from '../deps.js';
import { attachment } from '../downloads/attachment.js';
import { withId } from '../http/json.js';
import { pageRequest, searchTerm } from '../http/paging.js';
import { badRequest, conflict, notFound, Refusal } from '../http/refusals.js';
import { json, noContent, type Route, route } from '../http/route.js';
import { findAnalysis, findSample } from './access.js';
import { createAnalysis } from './create.js';
import { formatCsv } from './csv.js';
import { formatResults } from './format.js';
import { formatNuvsFile, isNuvsExtension, type NuvsContig, type NuvsExtension } from './nuvs_files.js';
import { loadResults } from './results.js';
import { CreateAnalysis } from './schemas.js';

/** Analyses: which viruses are in a sample. */
export function createAnalysisRoutes(deps: ApiDeps): Route[] {
  return [...ofSampleRoutes(deps), ...analysisRoutes(deps), downloadRoute(deps)];
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
      query: {
        find: 'Text to look for in reference names and user ids',
        term: 'The same, for old scripts',
        page: 'Page, from 1',
        per_page: 'Analyses per page, 1 to 500',
      },
      answers: { 200: 'One page of analyses', 403: 'The sample may not be read', 404: 'No such sample' },
      async handle({ params, query, caller }) {
        const sample = await findSample(deps, params.sample_id, caller, canRead);
        if (sample instanceof Refusal) return sample;
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
        '`ready`. Needs the right to write the sample.',
      tag: 'Analyses',
      access: 'user',
      body: CreateAnalysis,
      answers: {
        201: 'The new analysis',
        400: 'The reference does not exist or has no ready index, the subtraction is gone, or no HMM data are installed',
        403: 'The sample may not be changed',
        404: 'No such sample',
        409: 'The sample or its subtraction is not ready',
        422: 'The body is not valid',
      },
      async handle({ params, body, caller }) {
        const sample = await findSample(deps, params.sample_id, caller, canWrite);
        return sample instanceof Refusal ? sample : createAnalysis(deps, caller, sample, body);
      },
    }),
  ];
}

function analysisRoutes(deps: ApiDeps): Route[] {
  const { store, files: data } = deps;
  return [
    route({
      method: 'GET',
      path: '/api/analyses/:analysis_id',
      summary: 'Get an analysis',
      description:
        'The whole analysis. Results of `pathoscope_bowtie` are a list of OTUs with all their isolates and sequences, where ' +
        '`align` are the points of the depth curve; an OTU that can no longer be rebuilt is marked with `missing`. Results of ' +
        '`nuvs` are a list of contigs. Needs the right to read the sample.',
      tag: 'Analyses',
      access: 'user',
      answers: {
        200: 'The analysis',
        400: 'The sample is gone',
        403: 'The sample may not be read',
        404: 'No such analysis, or the file with its results is gone',
      },
      async handle({ params, caller }) {
        const found = await findAnalysis(deps, params.analysis_id, caller, canRead);
        if (found instanceof Refusal) return found;
        const { analysis, sample } = found;
        const wire = { ...withId(analysis), subtraction: { id: sample.subtraction.id } };
        if (!analysis.ready) return json(wire);
        const results = await loadResults(data, analysis);
        if (!results) return notFound('Results not found');
        return json({ ...wire, results: await formatResults(store, analysis, results) });
      },
    }),
    route({
      method: 'DELETE',
      path: '/api/analyses/:analysis_id',
      summary: 'Remove an analysis',
      description: 'Removes a finished analysis with its files. Needs the right to write the sample.',
      tag: 'Analyses',
      access: 'user',
      answers: {
        204: 'It is gone',
        400: 'The sample is gone',
        403: 'The sample may not be changed',
        404: 'No such analysis',
        409: 'The analysis is still running',
      },
      async handle({ params, caller }) {
        const found = await findAnalysis(deps, params.analysis_id, caller, canWrite);
        if (found instanceof Refusal) return found;
        const { analysis } = found;
        if (!analysis.ready) return conflict('Analysis is still running');
        if (!(await store.analyses.remove(analysis._id))) return notFound();
        await removePath(data.analysis(analysis.sample.id, analysis._id));
        return noContent();
      },
    }),
  ];
}

/** `<analysis id>.<extension>`; the last one is that of the proteins of NuVs. */
const DOWNLOAD_NAME = /^(.+?)\.(orfs\.fa|[a-z]{1,8})$/i;

function downloadRoute(deps: ApiDeps): Route {
  const { store, files: data } = deps;
  return route({
    method: 'GET',
    path: '/download/analyses/:name',
    summary: 'Download a result',
    description:
      'The result of an analysis as a file. Of Pathoscope `<analysis id>.csv`: one row per sequence of the OTUs that were found. Of ' +
      'NuVs `<analysis id>.csv`: one row per hit; `<analysis id>.fa`: the contigs; `<analysis id>.orfs.fa`: the proteins of their open ' +
      'reading frames. Positions in NuVs files are counted from 1. Needs the right to read the sample.',
    tag: 'Analyses',
    access: 'user',
    answers: {
      200: 'The file',
      400: 'A format that this algorithm does not have, or the sample is gone',
      403: 'The sample may not be read',
      404: 'No such analysis, or the file with its results is gone',
      409: 'The analysis is still running',
    },
    async handle({ params, caller }) {
      const [, analysisId, written = ''] = DOWNLOAD_NAME.exec(params.name ?? '') ?? [];
      const extension = written.toLowerCase();
      const found = await findAnalysis(deps, analysisId, caller, canRead);
      if (found instanceof Refusal) return found;
      const { analysis } = found;
      if (extension === 'xlsx') return badRequest('Excel files are not available. Use .csv');
      const isNuvs = analysis.algorithm === 'nuvs';
      if (isNuvs && !isNuvsExtension(extension)) return badRequest('Not a Pathoscope analysis');
      if (!isNuvs && isFasta(extension)) return badRequest('Not a NuVs analysis');
      if (!analysis.ready) return conflict('Analysis is still running');
      const results = await loadResults(data, analysis);
      if (!results) return notFound('Results not found');
      const content = isNuvs
        ? await formatNuvsFile(store, results as NuvsContig[], extension as NuvsExtension)
        : await formatCsv(store.otuVersions, results as PathoscopeHit[]);
      const shown = isNuvs ? extension : 'csv';
      const headers = {
        'Content-Type': `text/${isFasta(shown) ? 'plain' : 'csv'}; charset=utf-8`,
        'Content-Disposition': attachment(`${analysis._id}.${shown}`),
      };
      return new Response(content, { headers });
    },
  });
}

function isFasta(extension: string): boolean {
  return extension === 'fa' || extension === 'orfs.fa';
}
