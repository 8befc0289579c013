import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { MateProblem } from '../../bio/mates.js';
import { type Checksum, noteChecksum } from '../../files/checksums.js';
import { fileSize, isGzipped } from '../../files/folders.js';
import { publishFile } from '../../files/publish.js';
import { feedTool } from '../../tools/named_pipes.js';
import { pigzCompressStream } from '../../tools/pigz.js';
import { readChunks, type Sink } from '../../tools/runner.js';
import { InvalidInput } from '../errors.js';
import type { Step } from '../steps/step.js';
import { runThread } from '../threads.js';
import type { ImportOutcome, ImportTask } from './import_pass.js';
import type { ReadFileFindings, ReadFileTask } from './read_file.js';

/** Of the heap: what grows with the reads lies outside of it, and does not grow beyond a limit. */
const IMPORT_GIB = 0.25;

/** The uploads of a sample, one or two, and the files that they become. */
export type Import = {
  uploads: readonly { name: string; path: string; to: string }[];
  pairing: ImportTask['pairing'];
};

type ImportContext = Pick<Step<unknown>, 'threads' | 'signal' | 'log' | 'report' | 'attempt'>;

/**
 * Makes the read files of a sample of its uploads, in one pass over both: checks them, compares mates, counts what their quality is made of, and
 * copies gzip files byte for byte. Plain files, and those in which something has to be changed (ends of lines, U, blank lines at the end, padding),
 * are compressed anew. The files appear with their checksums noted.
 *
 * @throws InvalidInput that names the upload, the record and the cure when reads or mates cannot be used.
 */
export async function importReads(context: ImportContext, { uploads, pairing }: Import): Promise<ReadFileFindings[]> {
  const partialOf = (to: string) => `${to}.${context.attempt}.partial`;
  const sizes: number[] = [];
  const areGzip: boolean[] = [];
  for (const { name, path } of uploads) {
    const size = await fileSize(path);
    if (!size) throw new InvalidInput(`The uploaded file ${name} is empty or missing.`, 'Upload the reads again.');
    sizes.push(size);
    areGzip.push(await isGzipped(path));
  }
  const rewritten = new Set(areGzip.flatMap((isGzip, index) => (isGzip ? [] : [index])));
  const partials = uploads.map(({ to }) => partialOf(to));
  for (;;) {
    const files = uploads.map(({ path, to }, index) => ({
      ...{ from: path, isGzip: areGzip[index] as boolean, namesPath: `${to}.names.${context.attempt}.partial` },
      to: { copy: partials[index] as string },
    }));
    const task = { files, sizeBytes: sizes.reduce((sum, size) => sum + size, 0), threads: context.threads, pairing };
    const { outcome, checksums } = await runPass(context, task, rewritten);
    if (outcome.kind === 'rewrite') {
      for (const index of outcome.files) rewritten.add(index);
      continue;
    }
    const names = uploads.map(({ name }) => name);
    if (outcome.kind === 'bad_file')
      throw new InvalidInput(`${names[outcome.file]}: ${outcome.message}`, outcome.advice);
    if (outcome.kind === 'bad_pair') throw refusePair(outcome.problem, names);
    for (const [index, { to }] of uploads.entries()) {
      await publishFile(partials[index] as string, to);
      const checksum = checksums[index] ?? outcome.files[index]?.checksum;
      if (checksum) await noteChecksum(to, checksum);
    }
    return outcome.files;
  }
}

type CopyTask = ImportTask & { files: readonly (ReadFileTask & { to: { copy: string } })[] };

/** Runs one pass in a thread, which writes those files into compressors that are to be `rewritten`. */
async function runPass(
  context: ImportContext,
  task: CopyTask,
  rewritten: ReadonlySet<number>,
): Promise<{ outcome: ImportOutcome; checksums: (Checksum | undefined)[] }> {
  const { threads, signal, log, report } = context;
  const checksums: (Checksum | undefined)[] = [];
  const descriptors: (number | undefined)[] = [];
  const runFrom = (index: number): Promise<ImportOutcome> => {
    const file = task.files[index];
    if (!file) {
      const files = task.files.map((one, i) => {
        const descriptor = descriptors[i];
        return descriptor === undefined ? one : { ...one, to: { descriptor } };
      });
      const options = { signal, memoryGib: IMPORT_GIB, report };
      return runThread<ImportOutcome>('#import-thread', 'reading the uploads', { ...task, files }, options);
    }
    if (!rewritten.has(index)) return runFrom(index + 1);
    const write = (descriptor: number) => {
      descriptors[index] = descriptor;
      return runFrom(index + 1);
    };
    const stdout = toFileWithChecksum(file.to.copy, (checksum) => {
      checksums[index] = checksum;
    });
    return feedTool(pigzCompressStream(threads), `${file.to.copy}.pipe`, write, { signal, log, stdout });
  };
  return { outcome: await runFrom(0), checksums };
}

function toFileWithChecksum(path: string, tell: (checksum: Checksum) => void): Sink<void> {
  return readChunks(async (chunks) => {
    const hash = createHash('sha256');
    let size = 0;
    const file = await open(path, 'w');
    try {
      for await (const chunk of chunks) {
        hash.update(chunk);
        size += chunk.length;
        await file.writeFile(chunk);
      }
    } finally {
      await file.close();
    }
    tell({ sha256: hash.digest('hex'), size });
  });
}

const BY_ORDER_ADVICE =
  'Choose the two files of one sequencing run as they were delivered, both whole and with their reads in the same order. If only the names were ' +
  'rewritten and the reads are in order, say so with pairing "by_order".';

function refusePair(problem: MateProblem, [left = '', right = '']: string[]): InvalidInput {
  switch (problem.code) {
    case 'names':
      return new InvalidInput(
        `Record ${problem.record} of ${left} is "${problem.names[0]}", but record ${problem.record} of ${right} is "${problem.names[1]}": these are ` +
          'no mates.',
        BY_ORDER_ADVICE,
      );
    case 'counts':
      return new InvalidInput(
        `${left} holds ${problem.counts[0]} reads, but ${right} holds ${problem.counts[1]}.`,
        'Choose the two files of one sequencing run, both whole and with mates in the same order.',
      );
    case 'same_sequences':
      return new InvalidInput(
        `${left} and ${right} hold the same sequences: they are copies of one file, not mates.`,
        'Choose the two different files of the sequencing run, or make a sample of one of them.',
      );
  }
}
