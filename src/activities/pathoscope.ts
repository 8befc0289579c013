import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Alignments } from '../bio/pathoscope/alignments.js';
import { type PathoscopeResult, runPathoscope } from '../bio/pathoscope/run.js';
import type { JobInput } from '../contracts/jobs.js';
import type { AnalysisControl, PathoscopeArgs, PathoscopeSteps } from '../contracts/pathoscope.js';
import { fileSize, freshFolder } from '../files/folders.js';
import { openTextWriter, readLineBatches } from '../files/lines.js';
import { publishJson, removePartials, removePath } from '../files/publish.js';
import { type PathoscopeHit, resultsFit } from '../store/analyses.js';
import type { ActivityDeps } from './deps.js';
import { createMappingSteps, type IsolateSequences, MAPPING_FILES } from './pathoscope_mapping.js';
import { createPrepareSteps } from './prepare_reads.js';
import { createStep, type Step } from './step.js';

const RESULTS = 'pathoscope.json';

/** What the reassignment leaves for the import. */
type StoredRun = { read_count: number; results: PathoscopeHit[] };

/** Steps of `pathoscope_bowtie`. */
export function createPathoscopeSteps(deps: ActivityDeps) {
  const { store, data } = deps;
  const step = createStep(deps);
  const folderOf = (args: PathoscopeArgs) => data.analysis(args.sample_id, args.analysis_id);

  return {
    makeAnalysisDir: step<PathoscopeArgs>(async ({ args }) => {
      await freshFolder(folderOf(args));
    }),

    ...createPrepareSteps(deps),
    ...createMappingSteps(deps),

    reassignReads: step<PathoscopeArgs>((context) => reassignReads(context, folderOf(context.args))),

    importPathoscopeResults: step<PathoscopeArgs>(async ({ args }) => {
      const folder = folderOf(args);
      const run = await readJson<StoredRun>(join(folder, RESULTS));
      const subtraction = await readJson<{ subtracted_count: number }>(join(folder, MAPPING_FILES.subtraction));
      const fits = resultsFit(run.results);
      if (!fits) await publishJson(join(folder, 'results.json'), run.results);
      await store.analyses.setResults(args.analysis_id, {
        read_count: run.read_count,
        subtracted_count: subtraction.subtracted_count,
        results: fits ? run.results : 'file',
      });
    }),

    // The report, the rewritten mapping and the mapping itself stay for those who want to look closer.
    cleanupIndexes: step<PathoscopeArgs>(async ({ args }) => {
      const folder = folderOf(args);
      const endings = ['1', '2', '3', '4', 'rev.1', 'rev.2'].flatMap((part) => [`${part}.bt2`, `${part}.bt2l`]);
      for (const ending of endings) await removePath(join(folder, `isolates.${ending}`));
      for (const name of ['mapped', 'isolateFasta'] as const) await removePath(join(folder, MAPPING_FILES[name]));
      await removePath(join(folder, RESULTS));
      await removePartials(folder);
    }),
  } satisfies PathoscopeSteps;
}

/** What undoes an analysis job. */
export function createAnalysisControl({ store, data }: ActivityDeps) {
  return {
    async undoAnalysis(input: JobInput) {
      const args = input.args as PathoscopeArgs;
      for (const cacheId of await store.caches.removeUnready(input.jobId)) await removePath(data.cache(cacheId));
      await removePath(data.analysis(args.sample_id, args.analysis_id));
      await store.analyses.remove(args.analysis_id);
    },
  } satisfies AnalysisControl;
}

async function reassignReads({ signal, report, attempt }: Step<PathoscopeArgs>, folder: string): Promise<void> {
  const vta = join(folder, MAPPING_FILES.subtracted);
  const size = (await fileSize(vta)) || 1;
  const alignments = new Alignments();
  for await (const { lines, bytes } of readLineBatches(vta, signal)) {
    for (const line of lines) alignments.addLine(line);
    report((bytes / size) * 0.8);
  }
  const isolates = await readJson<IsolateSequences>(join(folder, MAPPING_FILES.isolates));
  const lengths = new Map(Object.entries(isolates).map(([id, { length }]) => [id, length]));
  await nextTurn();
  const run = runPathoscope(alignments.finish(), lengths);
  await writeReassigned(run, vta, join(folder, 'reassigned.vta'), attempt, signal);
  await writeText(join(folder, 'report.tsv'), run.report, attempt);
  const results = run.hits.map((hit) => toStoredHit(hit, isolates));
  await publishJson(join(folder, RESULTS), { read_count: run.readCount, results } satisfies StoredRun);
}

function toStoredHit(hit: PathoscopeResult['hits'][number], isolates: IsolateSequences): PathoscopeHit {
  const { id, align, coverage, depth, final, initial } = hit;
  const otu = isolates[id]?.otu;
  if (!otu) throw new TypeError(`Sequence ${id} is in the mapping but not in the isolate index`);
  return { id, otu, align: Array.from(align), coverage, depth, final, initial };
}

async function writeReassigned(run: PathoscopeResult, vta: string, to: string, attempt: number, signal: AbortSignal) {
  const writer = openTextWriter(to, attempt);
  try {
    let number = 0;
    for await (const { lines } of readLineBatches(vta, signal)) {
      const kept = lines.filter(() => run.reassignedLines[number++] === 1);
      if (kept.length > 0) await writer.write(`${kept.join('\n')}\n`);
    }
    await writer.publish();
  } finally {
    await writer.discard();
  }
}

async function writeText(path: string, text: string, attempt: number): Promise<void> {
  const writer = openTextWriter(path, attempt);
  await writer.write(text);
  await writer.publish();
}

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(path, 'utf8')) as T;
}
