import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrimmingParameters } from '../../bio/trimming.js';
import { freshFolder } from '../../files/folders.js';
import { publishFile, removePath } from '../../files/publish.js';
import type { ToolCommand } from '../../tools/command.js';
import { compressStream, compressStreamSmaller, withFastGunzip } from '../../tools/igzip.js';
import { feedTool, type OutputPipe, runIntoPipes } from '../../tools/named_pipes.js';
import { toFile } from '../../tools/runner.js';
import { parseTrimLog, TRIM_LOG, trim, trimmedOutputs, trimProblem } from '../../tools/skewer.js';
import { InvalidInput } from '../errors.js';
import type { Step } from '../steps/step.js';
import { runThread } from '../threads.js';
import type { CountThreadData } from './count_thread.js';

/** Up to so many reads or pairs the files are packed as by release 3.7.3, byte for byte; for more of them that would cost too much time. */
const FEW_READS = 20_000;

/** Of the heap; the counters are a few hundred kilobytes. */
const COUNT_GIB = 0.25;

/** What is to be trimmed, and the folder that gets the trimmed reads, their statistics and the log. */
export type Trimming = {
  parameters: TrimmingParameters;
  reads: readonly string[];
  folder: string;
  /** Reads of a single file, or pairs, that the reads hold. */
  expected: number;
};

/**
 * Trims reads into `reads_1.fq.gz` (and `reads_2.fq.gz`), with FastQC's statistics of them as `fastqc_1.txt` (and 2) and skewer's log as
 * `trim.log`. The plain reads go through named pipes: they are counted and compressed as they come.
 *
 * @throws InvalidInput when skewer did not read to the end.
 */
export async function trimReads(
  context: Pick<Step<unknown>, 'threads' | 'signal' | 'log' | 'report' | 'attempt'>,
  trimming: Trimming,
): Promise<void> {
  const { threads, signal, log, report, attempt } = context;
  const { parameters, reads, folder, expected } = trimming;
  const work = await freshFolder(join(folder, `trim.${attempt}.partial`));
  const isPaired = reads.length === 2;
  const compressor = expected <= FEW_READS ? compressStreamSmaller() : compressStream();
  const outputs = trimmedOutputs(isPaired).map((name, index): OutputPipe<string> => {
    const packed = join(work, `reads_${index + 1}.fq.gz`);
    return {
      path: join(work, name),
      read: (input, stop) => countAndCompress(input, compressor, packed, { signal: stop, log }),
    };
  });
  const command = await withFastGunzip(trim({ parameters, reads, folder: work, threads }), work);
  const statistics = await runIntoPipes(command, outputs, {
    signal,
    log,
    inputs: { paths: reads, onFraction: report },
  });
  const counts = parseTrimLog(await readFile(join(work, TRIM_LOG), 'utf8'));
  const problem = trimProblem(counts, expected);
  if (!counts || problem) throw new InvalidInput(problem ?? 'skewer left no complete log.', 'Upload the reads again.');
  log.line(`${counts.available} of ${counts.processed} ${isPaired ? 'pairs' : 'reads'} left after trimming`);
  for (const [index, text] of statistics.entries()) {
    const name = `fastqc_${index + 1}.txt`;
    await writeFile(join(work, name), text);
    await publishFile(join(work, name), join(folder, name));
    await publishFile(join(work, `reads_${index + 1}.fq.gz`), join(folder, `reads_${index + 1}.fq.gz`));
  }
  await publishFile(join(work, TRIM_LOG), join(folder, 'trim.log'));
  await removePath(work);
}

/** Compresses the reads of a pipe into a file as they come; gives their statistics. */
async function countAndCompress(
  input: number,
  compressor: ToolCommand,
  to: string,
  { signal, log }: Pick<Step<unknown>, 'signal' | 'log'>,
): Promise<string> {
  const count = (output: number) => {
    const data: CountThreadData = { input, output };
    return runThread<string>('#count-thread', 'counting the trimmed reads', data, { signal, memoryGib: COUNT_GIB });
  };
  return feedTool(compressor, `${to}.pipe`, count, { signal, log, stdout: toFile(to) });
}
