import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseScanTable } from '../../bio/hmmer.js';
import { addHits, type HitContig, type OrfContig } from '../../bio/orf_contigs.js';
import { isFinal, type JobInput } from '../../contracts/jobs.js';
import type { NuvsArgs, NuvsControl, NuvsSteps } from '../../contracts/nuvs.js';
import { fileSize, freshFolder } from '../../files/folders.js';
import { publishJson, removePartials, removePath } from '../../files/publish.js';
import { resultsFit } from '../../store/analyses.js';
import { jobState } from '../../store/jobs.js';
import { LEGACY_COPIES } from '../analysis_files/inputs.js';
import { NUVS_FILES, readJson } from '../analysis_files/nuvs.js';
import type { ActivityDeps } from '../deps.js';
import { InvalidInput } from '../errors.js';
import { openHmmProfiles } from '../hmms/profiles.js';
import { createPrepareSteps } from '../reads/prepare.js';
import { createStep } from '../steps/step.js';
import { createNuvsAssemblySteps } from './assembly.js';
import { createNuvsReadSteps } from './reads.js';
import { type ChosenProfiles, createNuvsSearchSteps } from './search.js';

/** Reads that are left after the eliminations are kept for reruns up to this size. */
const KEPT_READS_BYTES = 64 * 1024 ** 2;

/** Steps of `nuvs`. */
export function createNuvsSteps(deps: ActivityDeps) {
  const { store, data } = deps;
  const step = createStep(deps);
  const folderOf = (args: NuvsArgs) => data.analysis(args.sample_id, args.analysis_id);

  return {
    makeNuvsDir: step<NuvsArgs>(async ({ args, signal, log }) => {
      const folder = await freshFolder(folderOf(args));
      const profiles = await openHmmProfiles(deps, { signal, log });
      if (!profiles) {
        throw new InvalidInput('No HMM data are installed.', 'Install the HMM data, then start the analysis again.');
      }
      const chosen = { installation: profiles.installation, folder: basename(profiles.folder) };
      await publishJson(join(folder, NUVS_FILES.profiles), chosen satisfies ChosenProfiles);
    }),

    ...createPrepareSteps(deps),
    ...createNuvsReadSteps(deps),
    ...createNuvsAssemblySteps(deps),
    ...createNuvsSearchSteps(deps),

    collectNuvsResults: step<NuvsArgs>(async ({ args, log }) => {
      const folder = folderOf(args);
      const contigs = await readJson<OrfContig[]>(join(folder, NUVS_FILES.contigs));
      const hits = parseScanTable(await readFile(join(folder, NUVS_FILES.hits), 'utf8'));
      const { installation } = await readJson<ChosenProfiles>(join(folder, NUVS_FILES.profiles));
      const ids = await store.hmms.clusterIds(installation);
      await publishJson(join(folder, NUVS_FILES.results), addHits(contigs, hits, ids));
      log.line(`${contigs.length} contigs, ${hits.length} hits`);
      // The scaffolds, the proteins and the table of hits stay for those who want to look closer, and for reruns.
      const passing = [NUVS_FILES.unmappedOtus, ...NUVS_FILES.mates, ...LEGACY_COPIES];
      for (const name of passing) await removePath(join(folder, name));
      const left = join(folder, NUVS_FILES.unmappedHosts);
      if (((await fileSize(left)) ?? 0) > KEPT_READS_BYTES) await removePath(left);
      await removePartials(folder);
    }),
  } satisfies NuvsSteps;
}

/** What ends a `nuvs` job. */
export function createNuvsControl({ store, data }: ActivityDeps) {
  // A second try after the first one's transaction finds no results any more.
  const hasEnded = async (jobId: string) => {
    const job = await store.jobs.get(jobId);
    return !job || isFinal(jobState(job));
  };
  return {
    async finishNuvs(input: JobInput) {
      const args = input.args as NuvsArgs;
      const folder = data.analysis(args.sample_id, args.analysis_id);
      if (await hasEnded(input.jobId)) return;
      const results = await readJson<HitContig[]>(join(folder, NUVS_FILES.results));
      const fits = resultsFit(results);
      await store.database.transaction(async (session) => {
        await store.analyses.setResults(args.analysis_id, { results: fits ? results : 'file' }, session);
        await store.jobs.close(input.jobId, { state: 'complete', error: null, stage: 'import_results' }, session);
      });
      await removePath(join(folder, NUVS_FILES.contigs));
      if (fits) await removePath(join(folder, NUVS_FILES.results));
    },
  } satisfies NuvsControl;
}
