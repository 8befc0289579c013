import type { AnalysisDocument } from '../../../store/analyses.js';
import type { ApiDeps } from '../../deps.js';
import { attachment } from '../../downloads/attachment.js';
import { firstOf, queryFlag } from '../../http/paging.js';
import { badRequest, conflict, notFound } from '../../http/refusals.js';
import { type Route, type RouteResult, route } from '../../http/route.js';
import { onAnalysis } from '../../rights/samples.js';
import { openResults, type Results, readAll, readHits } from '../results.js';
import { formatCsv } from './csv.js';
import { findDepths, formatBedGraph, formatDepths } from './depths.js';
import { formatNuvsFile, isNuvsExtension, type NuvsContig, type NuvsExtension } from './nuvs.js';
import { readsSheet, withReads } from './reads.js';
import { resultTable } from './table.js';
import { createWorkbook } from './workbook.js';

/** `<analysis id>.<extension>`; the last one is that of the proteins of NuVs. */
const DOWNLOAD_NAME = /^(.+?)\.(orfs\.fa|[a-z]{1,8})$/i;

const CSV_TYPE = 'text/csv; charset=utf-8';
const TEXT_TYPE = 'text/plain; charset=utf-8';
const EXCEL_TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

/** `<sequence id>.<extension>`. */
const DEPTHS_NAME = /^(.+)\.(csv|bedgraph)$/i;

/** Results of analyses as files. */
export function createAnalysisDownloadRoutes(deps: ApiDeps): Route[] {
  return [resultRoute(deps), depthsRoute(deps)];
}

function resultRoute(deps: ApiDeps): Route {
  const { store } = deps;

  const pathoscopeFile = async (analysis: Head, results: Results, extension: string, wanted: Wanted) => {
    const thresholds = wanted.decisions ? (await store.settings.get()).decision_thresholds : undefined;
    const found = await resultTable(store.otuVersions, await readHits(results), thresholds);
    const table = wanted.reads ? withReads(found, analysis.reads) : found;
    if (extension !== 'xlsx') return file(formatCsv(table), CSV_TYPE, `${analysis._id}.csv`);
    const reads = readsSheet(analysis);
    const workbook = await createWorkbook([
      { name: `Pathoscope for ${analysis.sample.id}`, rows: table },
      ...(reads ? [{ name: 'Reads', rows: reads }] : []),
    ]);
    return file(workbook, EXCEL_TYPE, `${analysis._id}.xlsx`);
  };

  const nuvsFile = async (analysis: Head, results: Results, extension: NuvsExtension, wanted: Wanted) => {
    const contigs = await readAll<NuvsContig>(results);
    const content = await formatNuvsFile(store, contigs, extension, wanted.reads ? { reads: analysis.reads } : {});
    return file(content, isFasta(extension) ? TEXT_TYPE : CSV_TYPE, `${analysis._id}.${extension}`);
  };

  return route({
    method: 'GET',
    path: '/download/analyses/:name',
    summary: 'Download a result',
    description:
      'The result of an analysis as a file. Of Pathoscope `<analysis id>.csv` or, for Excel, `<analysis id>.xlsx`: one row per sequence ' +
      'of the OTUs that were found; the workbook has a second sheet, which tells what became of the reads. Of NuVs `<analysis id>.csv`: one row per hit; `<analysis id>.fa`: the contigs; ' +
      '`<analysis id>.orfs.fa`: the proteins of their open reading frames. Positions in NuVs files are counted from 1. In CSV ' +
      'files a text that begins like a formula (`=`, `+`, `-`, `@`) has an apostrophe in front. The same result ' +
      'gives the same bytes. Needs the right to read the sample.',
    tag: 'Analyses',
    access: 'user',
    right: onAnalysis(store, 'read', { idOf: ({ name = '' }) => DOWNLOAD_NAME.exec(name)?.[1] }),
    query: {
      decisions:
        '`true` adds to each row of a Pathoscope result the call of its OTU by the thresholds in the settings, the reason and the rule',
      reads:
        '`true` adds to each row of a table how many reads went in, were trimmed away and were looked at; they stand in a row of their own ' +
        'when nothing was found',
    },
    answers: {
      200: 'The file',
      400: 'A format that this algorithm does not have, or the sample is gone',
      403: 'The sample may not be read',
      404: 'No such analysis, or the file with its results is gone',
      409: 'The analysis is still running',
    },
    async handle({ params, query, subject: { analysis } }): Promise<RouteResult> {
      const extension = DOWNLOAD_NAME.exec(params.name ?? '')?.[2]?.toLowerCase() ?? '';
      const isNuvs = analysis.algorithm === 'nuvs';
      if (isNuvs && !isNuvsExtension(extension)) return badRequest('Not a Pathoscope analysis');
      if (!isNuvs && isFasta(extension)) return badRequest('Not a NuVs analysis');
      if (!analysis.ready) return conflict('Analysis is still running');
      const results = await openResults(deps, analysis);
      if (!results) return notFound('Results not found');
      const wanted = { decisions: queryFlag(query, 'decisions') ?? false, reads: queryFlag(query, 'reads') ?? false };
      return isNuvsExtension(extension) && isNuvs
        ? nuvsFile(analysis, results, extension, wanted)
        : pathoscopeFile(analysis, results, extension, wanted);
    },
  });
}

function depthsRoute(deps: ApiDeps): Route {
  return route({
    method: 'GET',
    path: '/download/analyses/:analysis_id/depths/:name',
    summary: 'Download the depths along a sequence',
    description:
      'How many reads Pathoscope laid over each base of a sequence that it found. `<sequence id>.csv`: a row per base, counted from 1, with ' +
      'the depth by whole reads and, in newer results, by the bases that reads really cover. `<sequence id>.bedgraph`: a track for genome ' +
      'browsers, whose chromosome is the sequence id. Needs the right to read the sample.',
    tag: 'Analyses',
    access: 'user',
    right: onAnalysis(deps.store, 'read'),
    query: { depth: '`by_base`: the bedGraph has the depths by the bases that reads really cover' },
    answers: {
      200: 'The file',
      400: 'Not a Pathoscope analysis, or the sample is gone',
      403: 'The sample may not be read',
      404: 'No such analysis, the file with its results is gone, or they have no such depths of the sequence',
      409: 'The analysis is still running',
    },
    async handle({ params, query, subject: { analysis } }): Promise<RouteResult> {
      const [, sequenceId = '', extension = ''] = DEPTHS_NAME.exec(params.name ?? '') ?? [];
      if (analysis.algorithm === 'nuvs') return badRequest('Not a Pathoscope analysis');
      if (!analysis.ready) return conflict('Analysis is still running');
      const results = await openResults(deps, analysis);
      if (!results) return notFound('Results not found');
      const depths = await findDepths(results, sequenceId);
      if (!depths) return notFound('Depths not found');
      const name = `${analysis._id}.${sequenceId}`;
      if (extension.toLowerCase() === 'csv') return file(await formatDepths(depths), CSV_TYPE, `${name}.csv`);
      const shown = firstOf(query, 'depth') === 'by_base' ? depths.byBase : depths.whole;
      if (!shown) return notFound('Depths not found');
      return file(formatBedGraph(sequenceId, shown), TEXT_TYPE, `${name}.bedgraph`);
    },
  });
}

type Head = Pick<AnalysisDocument, '_id' | 'sample' | 'reads' | 'warnings'>;

/** Columns that a table has on request. */
type Wanted = { decisions: boolean; reads: boolean };

function file(content: string | Uint8Array<ArrayBuffer>, type: string, name: string): Response {
  return new Response(content, { headers: { 'Content-Type': type, 'Content-Disposition': attachment(name) } });
}

function isFasta(extension: string): boolean {
  return extension === 'fa' || extension === 'orfs.fa';
}
