import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseScanTable } from '../../bio/hmmer.js';
import { addHits, type OrfContig } from '../../bio/orf_contigs.js';
import type { JobInput } from '../../contracts/jobs.js';
import type { NuvsArgs, NuvsControl, NuvsSteps } from '../../contracts/nuvs.js';
import { fileSize, freshFolder } from '../../files/folders.js';
import { publishJson, removePartials, removePath } from '../../files/publish.js';
import { resultsFit } from '../../store/analyses.js';
import { LEGACY_COPIES } from '../analysis_files/inputs.js';
import { NUVS_FILES, readJson } from '../analysis_files/nuvs.js';
import type { ActivityDeps } from '../deps.js';
import { finishJob } from '../ends.js';
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
      const results = addHits(contigs, hits, ids);
      const fits = resultsFit(results);
      if (!fits) await publishJson(join(folder, NUVS_FILES.results), results);
      await store.analyses.stageResults(args.analysis_id, { results: fits ? results : 'file' });
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
export function createNuvsControl(deps: ActivityDeps) {
  const { store, data, log } = deps;
  return {
    async finishNuvs(input: JobInput) {
      const args = input.args as NuvsArgs;
      const folder = data.analysis(args.sample_id, args.analysis_id);
      // A job that an older release has brought to its end has its results in this file alone.
      const hasFile = (await fileSize(join(folder, NUVS_FILES.results))) !== undefined;
      await finishJob(deps, input, folder, (session) =>
        store.analyses.publish(args.analysis_id, session, hasFile ? { results: 'file' } : undefined),
      );
      const contigs = join(folder, NUVS_FILES.contigs);
      await removePath(contigs).catch((err: unknown) => log.warn({ err, path: contigs }, 'working file not removed'));
    },
  } satisfies NuvsControl;
}
