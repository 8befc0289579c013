import { createReadStream } from 'node:fs';
import { appendFile, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createGunzip, gzipSync } from 'node:zlib';
import { type FastqStatistics, FastqValidator } from '../../bio/fastq.js';
import { parseFastqc, type Quality } from '../../bio/fastqc.js';
import { fileSize, freshFolder } from '../../files/folders.js';
import type { JobLog } from '../../files/job_log.js';
import { publishFile, removePath } from '../../files/publish.js';
import { assessQuality } from '../../tools/fastqc.js';
import { fastqcProgress } from '../../tools/progress.js';
import { runTool } from '../../tools/runner.js';
import { InvalidInput } from '../errors.js';

const CHUNK_BYTES = 1 << 18;

/** What a run of FastQC needs of its step. */
export type FastqcContext = {
  threads: number;
  signal: AbortSignal;
  log: JobLog;
  report(fraction: number): void;
  attempt: number;
};

/** Runs FastQC on gzipped read files; its folders appear below `folder/name` when it is done. */
export async function runFastqc(
  context: FastqcContext,
  reads: readonly string[],
  folder: string,
  name: string,
): Promise<void> {
  const work = await freshFolder(join(folder, `${name}.${context.attempt}.partial`));
  const progress = fastqcProgress(reads.length);
  const sizes = await Promise.all(reads.map(async (path) => (await fileSize(path)) ?? 0));
  const sizeBytes = sizes.reduce((sum, size) => sum + size, 0);
  await runTool(assessQuality({ reads, folder: work, threads: context.threads, sizeBytes }), {
    signal: context.signal,
    log: context.log,
    onStderr: (line) => context.report(progress(line) ?? 0),
  });
  const target = join(folder, name);
  await removePath(target);
  await publishFile(work, target);
}

/**
 * Keeps the texts of FastQC's reports in `fastqcFolder` as `<target>/<prefix><n>.txt`, removes the folder, and gives what they say. A second try
 * finds the kept texts.
 */
export async function keepQuality(
  fastqcFolder: string,
  target: string,
  files: number,
  prefix = 'fastqc_',
): Promise<Quality> {
  for (let n = 1; n <= files; n += 1) {
    const text = join(fastqcFolder, `reads_${n}_fastqc`, 'fastqc_data.txt');
    await publishFile(text, join(target, `${prefix}${n}.txt`)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
  await removePath(fastqcFolder);
  return readQuality(target, files, prefix);
}

/** Reads the kept texts `<folder>/<prefix><n>.txt`. */
export async function readQuality(folder: string, files: number, prefix = 'fastqc_'): Promise<Quality> {
  const names = Array.from({ length: files }, (_, index) => `${prefix}${index + 1}.txt`);
  const [first, second] = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return second === undefined ? parseFastqc(first as string) : parseFastqc(first as string, second);
}

/**
 * Reads gzipped FASTQ files from end to end.
 *
 * Gives what each holds.
 *
 * @throws InvalidInput that names the upload, the record and the cure when one is not FASTQ, or when the two files of a
 * pair do not hold the same number of reads.
 */
export async function checkReadFiles(
  paths: readonly string[],
  names: readonly string[],
  signal: AbortSignal,
): Promise<FastqStatistics[]> {
  const found: FastqStatistics[] = [];
  for (const [index, path] of paths.entries())
    found.push(await checkReadFile(path, names[index] ?? basename(path), signal));
  const [left, right] = found;
  if (!left || !right || left.reads === right.reads) return found;
  throw new InvalidInput(
    `${names[0]} holds ${left.reads} reads, but ${names[1]} holds ${right.reads}.`,
    'Upload the two files of one sequencing run, mates in the same order.',
  );
}

/** Ends gzipped FASTQ files with a line feed: without one skewer loses the last two reads. */
export async function endWithLineFeed(paths: readonly string[], found: readonly FastqStatistics[]): Promise<void> {
  for (const [index, path] of paths.entries()) {
    // gzip files may be joined: the line feed becomes a member of its own.
    if (found[index]?.endsWithLineFeed === false) await appendFile(path, gzipSync('\n'));
  }
}

async function checkReadFile(path: string, name: string, signal: AbortSignal): Promise<FastqStatistics> {
  const validator = new FastqValidator();
  const source = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  const plain = createGunzip({ chunkSize: CHUNK_BYTES });
  source.on('error', (error) => plain.destroy(error));
  const stop = () => plain.destroy(new Error('stopped'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of source.pipe(plain) as AsyncIterable<Buffer>) {
      if (!validator.push(chunk)) break;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!String((error as NodeJS.ErrnoException).code).startsWith('Z_')) throw error;
    throw new InvalidInput(
      `${name}: the gzip data is damaged or cut.`,
      'Compress the reads again and upload them whole.',
    );
  } finally {
    signal.removeEventListener('abort', stop);
    source.destroy();
    plain.destroy();
  }
  const result = validator.finish();
  if (result.ok) return result.statistics;
  throw new InvalidInput(`${name}: ${result.problem.message}`, 'Correct the file and upload it again.');
}
