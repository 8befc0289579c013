import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  findTies,
  formatScanTable,
  type HitLine,
  inScanOrder,
  proteinName,
  readScanLines,
  readSearchLines,
} from '../bio/hmmer.js';
import type { NuvsArgs } from '../contracts/nuvs.js';
import { fileSize, freshFolder } from '../files/folders.js';
import { openTextWriter } from '../files/lines.js';
import { removePath } from '../files/publish.js';
import { scanProteins, searchProfiles } from '../tools/hmmer.js';
import { pressProfiles } from '../tools/hmmpress.js';
import { runTool } from '../tools/runner.js';
import type { ActivityDeps } from './deps.js';
import { InvalidInput } from './errors.js';
import { copyProfiles, openHmmParts } from './hmm_parts.js';
import { NUVS_FILES, type OrfContig, readJson } from './nuvs_files.js';
import { forEachAtOnce } from './parallel.js';
import { createStep, type Step } from './step.js';

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

/** The hits in the order of hmmscan. The parts of the profiles are searched at the same time, on one core each. */
async function search(context: Step<NuvsArgs>, folder: string, installation: string): Promise<HitLine[]> {
  const { threads, signal, log, report, attempt } = context;
  const { profiles: databaseSize, paths } = await openParts(installation, context);
  const proteins = join(folder, NUVS_FILES.proteins);
  const work = await freshFolder(join(folder, `vfam.${attempt}.partial`));
  try {
    const tables = paths.map((profiles, i) => ({ profiles, table: join(work, `${i}.tsv`) }));
    let done = 0;
    await forEachAtOnce(tables, threads, signal, async ({ profiles, table }, both) => {
      await runTool(searchProfiles({ profiles, proteins, table, databaseSize }), { signal: both, log });
      report(++done / tables.length);
    });
    const texts = await Promise.all(tables.map(({ table }) => readFile(table, 'utf8')));
    const lines = texts.flatMap(readSearchLines);
    return inScanOrder(lines, await scanTies(context, { folder, work, installation, lines, databaseSize }));
  } finally {
    await removePath(work);
  }
}

/** What hmmscan itself says of the proteins where hmmsearch's figures do not tell the order of its hits. */
async function scanTies(
  { threads, signal, log }: Step<NuvsArgs>,
  input: { folder: string; work: string; installation: string; lines: HitLine[]; databaseSize: number },
): Promise<HitLine[]> {
  const { folder, work, installation, lines, databaseSize } = input;
  const ties = findTies(lines);
  if (ties.length === 0) return [];
  const [profiles, proteins, table] = ['tied.hmm', 'tied.fa', 'tied.tsv'] as const;
  await copyProfiles(installation, new Set(ties.flatMap((tie) => tie.profiles)), join(work, profiles));
  const tied = new Set(ties.map(({ protein }) => protein));
  const contigs = await readJson<OrfContig[]>(join(folder, NUVS_FILES.contigs));
  const records = contigs.flatMap(({ index, orfs }) =>
    orfs.map((orf) => ({ name: proteinName(index, orf.index), pro: orf.pro })).filter(({ name }) => tied.has(name)),
  );
  await writeFile(join(work, proteins), records.map(({ name, pro }) => `>${name}\n${pro}\n`).join(''));
  const run = { signal, log, cwd: work };
  await runTool(pressProfiles(profiles), run);
  await runTool(scanProteins({ profiles, proteins, table, databaseSize, threads }), run);
  return readScanLines(await readFile(join(work, table), 'utf8'));
}
