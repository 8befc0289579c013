import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobInput } from '../../contracts/jobs.js';
import type { AnalysisControl, PathoscopeArgs, PathoscopeSteps } from '../../contracts/pathoscope.js';
import { freshFolder } from '../../files/folders.js';
import { openPartials, publishJson, removePartials, removePath } from '../../files/publish.js';
import { resultsFit } from '../../store/analyses.js';
import { LEGACY_COPIES } from '../analysis_files/inputs.js';
import { MAPPING_FILES, PASSING_FILES } from '../analysis_files/pathoscope.js';
import type { ActivityDeps } from '../deps.js';
import { finishJob, undoJob } from '../ends.js';
import { createPrepareSteps } from '../reads/prepare.js';
import { createStep, type Step } from '../steps/step.js';
import { runCore } from './core/run.js';
import type { StoredRun } from './core/work.js';
import { createMappingSteps } from './mapping.js';

const RESULTS = 'pathoscope.json';

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
      await store.analyses.stageResults(args.analysis_id, {
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
      for (const name of LEGACY_COPIES) await removePath(join(folder, name));
      for (const name of PASSING_FILES) await removePath(join(folder, MAPPING_FILES[name]));
      await removePath(join(folder, RESULTS));
      await removePartials(folder);
    }),
  } satisfies PathoscopeSteps;
}

/** What ends an analysis job. */
export function createAnalysisControl(deps: ActivityDeps) {
  const { store, data } = deps;
  return {
    async finishPathoscope(input: JobInput) {
      const args = input.args as PathoscopeArgs;
      await finishJob(deps, input, data.analysis(args.sample_id, args.analysis_id), (session) =>
        store.analyses.publish(args.analysis_id, session),
      );
    },

    async undoAnalysis(input: JobInput) {
      const args = input.args as PathoscopeArgs;
      await undoJob(deps, input, async () => {
        for (const cacheId of await store.caches.removeUnready(input.jobId)) await removePath(data.cache(cacheId));
        await removePath(data.analysis(args.sample_id, args.analysis_id));
        await store.analyses.remove(args.analysis_id);
      });
    },
  } satisfies AnalysisControl;
}

async function reassignReads({ signal, memoryGib, report, attempt }: Step<PathoscopeArgs>, folder: string) {
  const input = (name: keyof typeof MAPPING_FILES) => join(folder, MAPPING_FILES[name]);
  const files = openPartials(
    [
      ['reassigned', join(folder, 'reassigned.vta')],
      ['report', join(folder, 'report.tsv')],
      ['results', join(folder, RESULTS)],
    ],
    attempt,
  );
  const table = { records: input('leftRecords'), summary: input('leftSummary') };
  await runCore(
    { task: 'reassign', vta: input('leftVta'), table, isolates: input('isolates'), ...files.partial },
    { signal, memoryGib, report },
  );
  await files.publish();
}

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(path, 'utf8')) as T;
}
