import { join } from 'node:path';
import { formatScanTable, type HitLine } from '../../bio/hmmer.js';
import type { NuvsArgs } from '../../contracts/nuvs.js';
import { fileSize, freshFolder } from '../../files/folders.js';
import { openTextWriter } from '../../files/lines.js';
import { removePath } from '../../files/publish.js';
import { NUVS_FILES, readJson } from '../analysis_files/nuvs.js';
import type { ActivityDeps } from '../deps.js';
import { InvalidInput } from '../errors.js';
import { openHmmParts } from '../hmms/parts.js';
import { searchHmms } from '../hmms/search.js';
import { createStep, type Step } from '../steps/step.js';

/** The profiles that a job searches with, chosen when it began. */
export type ChosenProfiles = {
  /** What to give to `store.hmms.clusterIds`. */
  installation: string | null;
  /** Name of the folder of the installation. */
  folder: string;
};

/** The steps of NuVs that search its ORFs for profile HMMs. */
export function createNuvsSearchSteps(deps: ActivityDeps) {
  const { data } = deps;
  const step = createStep(deps);
  const folderOf = (args: NuvsArgs) => data.analysis(args.sample_id, args.analysis_id);
  const installationOf = async (folder: string) =>
    data.hmmInstallation((await readJson<ChosenProfiles>(join(folder, NUVS_FILES.profiles))).folder);

  return {
    prepareProfiles: step<NuvsArgs>(async (context) => {
      const folder = folderOf(context.args);
      await openParts(await installationOf(folder), context);
    }),

    searchProfiles: step<NuvsArgs>(async (context) => {
      const folder = folderOf(context.args);
      const proteins = join(folder, NUVS_FILES.proteins);
      const hasProteins = Boolean(await fileSize(proteins));
      if (!hasProteins) context.log.line('There are no open reading frames to search');
      const lines = hasProteins ? await search(context, folder, await installationOf(folder)) : [];
      const table = openTextWriter(join(folder, NUVS_FILES.hits), context.attempt);
      try {
        await table.write(formatScanTable(lines));
        await table.publish();
      } finally {
        await table.discard();
      }
    }),
  };
}

async function openParts(installation: string, { jobId, attempt, signal }: Step<NuvsArgs>) {
  try {
    return await openHmmParts(installation, `${jobId}.${attempt}`, signal);
  } catch (error) {
    if (!(error instanceof SyntaxError) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new InvalidInput(
      `The installed HMM data cannot be read: ${(error as Error).message}`,
      'Ask the administrator to install the HMM data again.',
    );
  }
}

/** The hits in the order of hmmscan. */
async function search(context: Step<NuvsArgs>, folder: string, installation: string): Promise<HitLine[]> {
  const { jobId, threads, signal, log, report, attempt } = context;
  // Before the search, as only here a fault of the installation is told from one of the search.
  await openParts(installation, context);
  const proteins = join(folder, NUVS_FILES.proteins);
  const work = await freshFolder(join(folder, `vfam.${attempt}.partial`));
  const owner = `${jobId}.${attempt}`;
  try {
    return await searchHmms({ installation, proteins, work, owner, threads, signal, log, report });
  } finally {
    await removePath(work);
  }
}
