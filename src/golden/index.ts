import { mkdir, readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { writePathoscope, writeScores, writeSubtraction } from './cases.js';
import { reasonOf, VectorError } from './errors.js';
import { hasQualityCase, writeQuality } from './fastqc.js';
import { VectorFolder } from './folder.js';
import { writeChains, writeDescriptions, writeFixtures } from './history.js';
import { writeHmmSearch } from './hmm.js';
import { writeAssembly, writeOrfs, writeParsers, writeTranslations } from './orfs.js';
import { writeTrimParameters, writeTrimRuns } from './trim.js';
import { openWork, type Work } from './work.js';

/** What is to be computed, and where. */
export type GoldenOptions = {
  vectors: string;
  out: string;
  threads: number;
  signal: AbortSignal;
  /** Gets one line per computed document. */
  print(line: string): void;
};

type Computation = { name: string; run(): Promise<void> };

/** Files that are computed one by one, whatever folder they lie in. */
const FILES: Record<string, (folder: VectorFolder, file: string, work: Work) => Promise<void>> = {
  'scores.json': writeScores,
  'subtraction.json': writeSubtraction,
  'find_orfs.jsonl': writeOrfs,
  'translate.json': writeTranslations,
  'parsers.json': writeParsers,
  'parameters.json': writeTrimParameters,
  'runs.json': writeTrimRuns,
  'otu_chains.jsonl': writeChains,
  'upstream_fixtures.json': writeFixtures,
  'descriptions.json': writeDescriptions,
};

/**
 * Computes the documents of all vectors in a folder and writes them under the same names; what the vectors expect is never read. Gives
 * the number of vectors that failed, each with a line that says why.
 *
 * @throws VectorError when there is nothing to compute, or nowhere to write it.
 */
export async function computeGolden(options: GoldenOptions): Promise<number> {
  const { print, signal } = options;
  const { vectors, out } = await checkFolders(options);
  await using work = await openWork(options);
  let [done, failed] = [0, 0];
  for (const { source, files } of await listFolders(vectors)) {
    const name = relative(vectors, source) || '.';
    const folder = new VectorFolder(source, join(out, relative(vectors, source)), files);
    const computations = computationsOf(folder, work);
    if (computations.length === 0 && files.length > 0) print(`${name}: no vectors of a known kind`);
    for (const { name: what, run } of computations) {
      signal.throwIfAborted();
      try {
        await run();
        print(`${name}: ${what}`);
        done += 1;
      } catch (error) {
        signal.throwIfAborted();
        print(`${name}: ${what} FAILED: ${reasonOf(error)}`);
        failed += 1;
      }
    }
  }
  if (done + failed === 0) {
    const kinds = ['input.vta', 'fastqc_1.txt', 'reads_1.fq', 'profiles.hmm', 'assembly.fa', ...Object.keys(FILES)];
    throw new VectorError(
      `${vectors} holds no vectors that are known. They have files with these names: ${kinds.join(', ')}.`,
    );
  }
  print(`${done} computed, ${failed} failed; the documents are in ${out}`);
  return failed;
}

function computationsOf(folder: VectorFolder, work: Work): Computation[] {
  const found: Computation[] = [];
  if (folder.has('input.vta')) found.push({ name: 'pathoscope', run: () => writePathoscope(folder) });
  if (hasQualityCase(folder)) found.push({ name: 'quality', run: () => writeQuality(folder) });
  if (folder.has('profiles.hmm')) found.push({ name: 'hmm', run: () => writeHmmSearch(folder, work) });
  else if (folder.has('assembly.fa')) {
    found.push({ name: 'assembly', run: () => writeAssembly(folder, 'assembly.fa') });
  }
  for (const name of folder.names()) {
    const write = FILES[name];
    if (write) found.push({ name, run: () => write(folder, name, work) });
  }
  return found;
}

/** All folders below a folder, itself included, with the names of their files; by name. */
async function listFolders(root: string): Promise<{ source: string; files: string[] }[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch((error: unknown) => {
    throw new VectorError(`The folder ${root} cannot be read: ${reasonOf(error)}`, { cause: error });
  });
  const names = (matches: (entry: (typeof entries)[number]) => boolean) =>
    entries
      .filter(matches)
      .map((entry) => entry.name)
      .sort();
  const below: { source: string; files: string[] }[] = [];
  for (const name of names((entry) => entry.isDirectory())) below.push(...(await listFolders(join(root, name))));
  return [{ source: root, files: names((entry) => !entry.isDirectory()) }, ...below];
}

async function checkFolders({ vectors, out }: GoldenOptions): Promise<{ vectors: string; out: string }> {
  const isFolder = await stat(vectors).then(
    (found) => found.isDirectory(),
    () => undefined,
  );
  if (isFolder === undefined) throw new VectorError(`There is no folder ${vectors}: give the one with the vectors.`);
  if (!isFolder) throw new VectorError(`${vectors} is a file: give the folder that it lies in.`);
  const source = await realpath(vectors);
  const target = await realTarget(out);
  if (contains(source, target) || contains(target, source)) {
    throw new VectorError(`${out} and ${vectors} lie in each other: give another folder for the output.`);
  }
  try {
    await mkdir(out, { recursive: true });
  } catch (error) {
    throw new VectorError(`${out} cannot be made: ${reasonOf(error)}. Give another folder for the output.`);
  }
  return { vectors: source, out: await realpath(out) };
}

/** Where a path leads that may not be there yet: its nearest existing folder may be a link. */
async function realTarget(path: string): Promise<string> {
  const full = resolve(path);
  const parent = resolve(full, '..');
  try {
    return await realpath(full);
  } catch {
    return parent === full ? full : join(await realTarget(parent), relative(parent, full));
  }
}

function contains(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);
}
