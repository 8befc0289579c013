import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrimmingParameters } from '../../bio/trimming.js';
import { freshFolder } from '../../files/folders.js';
import { publishFile, removePath } from '../../files/publish.js';
import type { TrimmedCounts } from '../../store/caches.js';
import type { ToolCommand } from '../../tools/command.js';
import { compressStream, compressStreamSmaller, withFastGunzip } from '../../tools/igzip.js';
import { feedTool, type OutputPipe, runIntoPipes } from '../../tools/named_pipes.js';
import { toFile } from '../../tools/runner.js';
import { parseTrimLog, parseTrimLosses, TRIM_LOG, trim, trimmedOutputs, trimProblem } from '../../tools/skewer.js';
import { InvalidInput } from '../errors.js';
import type { Step } from '../steps/step.js';
import { runThread } from '../threads.js';
import type { CountedReads, CountThreadData } from './count_thread.js';
import { requireReads } from './left.js';

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
  /** Offset of their Phred qualities; 33 unless given. */
  phredOffset?: 33 | 64;
  /** Gives the trimmed reads names by their number, the same to both mates, as they would be taken for each other by their own. */
  isNumbered?: boolean;
};

/**
 * Trims reads into `reads_1.fq.gz` (and `reads_2.fq.gz`), with FastQC's statistics of them as `fastqc_1.txt` (and 2) and skewer's log as
 * `trim.log`. The plain reads go through named pipes: they are counted and compressed as they come. Mates whose names turn out to differ get
 * names by their number.
 *
 * @throws InvalidInput when skewer did not read to the end, and when it left nothing to look at.
 */
export async function trimReads(
  context: Pick<Step<unknown>, 'threads' | 'signal' | 'log' | 'report' | 'attempt'>,
  trimming: Trimming,
): Promise<TrimmedCounts> {
  const { log, attempt } = context;
  const { parameters, reads, folder, expected } = trimming;
  const work = join(folder, `trim.${attempt}.partial`);
  const isPaired = reads.length === 2;
  let counted = await trimInto(context, trimming, work);
  if (!trimming.isNumbered && new Set(counted.map(({ figures }) => figures.namesDigest)).size > 1) {
    log.line('The names of mates differ: trimming again, with names by number');
    counted = await trimInto(context, { ...trimming, isNumbered: true }, work);
  }
  const trimLog = await readFile(join(work, TRIM_LOG), 'utf8');
  const skewer = parseTrimLog(trimLog);
  const problem = trimProblem(skewer, expected);
  if (!skewer || problem) throw new InvalidInput(problem ?? 'skewer left no complete log.', 'Upload the reads again.');
  log.line(`${skewer.available} of ${skewer.processed} ${isPaired ? 'pairs' : 'reads'} left after trimming`);
  const counts = countReads(counted, skewer.processed * reads.length);
  const losses = parseTrimLosses(trimLog);
  requireReads(counts, { losses, processed: skewer.processed, isPaired, parameters });
  for (const [index, { statistics }] of counted.entries()) {
    const name = `fastqc_${index + 1}.txt`;
    await writeFile(join(work, name), statistics);
    await publishFile(join(work, name), join(folder, name));
    await publishFile(join(work, `reads_${index + 1}.fq.gz`), join(folder, `reads_${index + 1}.fq.gz`));
  }
  await publishFile(join(work, TRIM_LOG), join(folder, 'trim.log'));
  await removePath(work);
  return counts;
}

function countReads(counted: readonly CountedReads[], total: number): TrimmedCounts {
  const sum = (of: 'reads' | 'tooManyUnknown') => counted.reduce((all, { figures }) => all + figures[of], 0);
  return { total, left: sum('reads'), unknown: sum('tooManyUnknown') };
}

async function trimInto(
  { threads, signal, log, report }: Pick<Step<unknown>, 'threads' | 'signal' | 'log' | 'report'>,
  { parameters, reads, expected, phredOffset = 33, isNumbered = false }: Trimming,
  work: string,
): Promise<CountedReads[]> {
  await freshFolder(work);
  const compressor = expected <= FEW_READS ? compressStreamSmaller() : compressStream();
  const rule = { phredOffset, isNumbered };
  const outputs = trimmedOutputs(reads.length === 2).map((name, index): OutputPipe<CountedReads> => {
    const packed = join(work, `reads_${index + 1}.fq.gz`);
    return {
      path: join(work, name),
      read: (input, stop) => countAndCompress({ input, rule }, compressor, packed, { signal: stop, log }),
    };
  });
  const command = await withFastGunzip(trim({ parameters, reads, folder: work, threads, phredOffset }), work);
  return runIntoPipes(command, outputs, { signal, log, inputs: { paths: reads, onFraction: report } });
}

/** Compresses the reads of a pipe into a file as they come; gives what was counted. */
async function countAndCompress(
  reads: Omit<CountThreadData, 'output'>,
  compressor: ToolCommand,
  to: string,
  { signal, log }: Pick<Step<unknown>, 'signal' | 'log'>,
): Promise<CountedReads> {
  const count = (output: number) => {
    const data: CountThreadData = { ...reads, output };
    return runThread<CountedReads>('#count-thread', 'counting the trimmed reads', data, {
      signal,
      memoryGib: COUNT_GIB,
    });
  };
  return feedTool(compressor, `${to}.pipe`, count, { signal, log, stdout: toFile(to) });
}
