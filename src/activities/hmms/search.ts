import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readFastaRecords } from '../../bio/contigs.js';
import { findTies, type HitLine, inScanOrder, readScanLines, readSearchLines, type Tie } from '../../bio/hmmer.js';
import { scanProteins, searchProfiles } from '../../tools/hmmer.js';
import { pressProfiles } from '../../tools/hmmpress.js';
import { type RunOptions, runTool } from '../../tools/runner.js';
import { forEachAtOnce } from '../parallel.js';
import { copyProfiles, findTwins, openHmmParts } from './parts.js';

/** A search of proteins for the profiles of an installation. */
export type HmmSearch = {
  /** The folder of the installation. */
  installation: string;
  /** FASTA file with the proteins, named as `proteinName` says; not empty. */
  proteins: string;
  /** A folder of the search's own; what is left in it is of no use. */
  work: string;
  /** Keeps two that make the parts of the installation apart. */
  owner: string;
  threads: number;
  signal: AbortSignal;
  log?: RunOptions['log'];
  report?(fraction: number): void;
};

/** The hits in the order of hmmscan. The parts of the profiles are searched at the same time, on one core each. */
export async function searchHmms(search: HmmSearch): Promise<HitLine[]> {
  const { installation, proteins, work, owner, threads, signal, log, report } = search;
  const { profiles: databaseSize, paths } = await openHmmParts(installation, owner, signal);
  const tables = paths.map((profiles, i) => ({ profiles, table: join(work, `${i}.tsv`) }));
  let done = 0;
  await forEachAtOnce(tables, threads, signal, async ({ profiles, table }, both) => {
    await runTool(searchProfiles({ profiles, proteins, table, databaseSize }), { signal: both, log });
    report?.(++done / tables.length);
  });
  const texts = await Promise.all(tables.map(({ table }) => readFile(table, 'utf8')));
  const lines = texts.flatMap(readSearchLines);
  const tied = new Set(findTies(lines).flatMap((tie) => tie.profiles));
  const twins = await findTwins(installation, tied);
  const ties = findTies(lines, twins);
  return inScanOrder(lines, ties.length === 0 ? [] : await scanTies(search, ties, databaseSize), twins);
}

/** What hmmscan itself says of the proteins where hmmsearch's figures do not tell the order of its hits. */
async function scanTies(
  { installation, proteins: all, work, threads, signal, log }: HmmSearch,
  ties: readonly Tie[],
  databaseSize: number,
): Promise<HitLine[]> {
  const [profiles, proteins, table] = ['tied.hmm', 'tied.fa', 'tied.tsv'] as const;
  await copyProfiles(installation, new Set(ties.flatMap((tie) => tie.profiles)), join(work, profiles));
  const tied = new Set(ties.map(({ protein }) => protein));
  const records = readFastaRecords(await readFile(all, 'latin1')).filter(({ header }) => tied.has(header));
  await writeFile(join(work, proteins), records.map(({ header, sequence }) => `>${header}\n${sequence}\n`).join(''));
  const run = { signal, log, cwd: work };
  await runTool(pressProfiles(profiles), run);
  await runTool(scanProteins({ profiles, proteins, table, databaseSize, threads }), run);
  return readScanLines(await readFile(join(work, table), 'utf8'));
}
