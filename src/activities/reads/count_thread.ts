// Where the thread of `countAndCompress` begins: counts the reads of one pipe and passes them on to the next.
import { readSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { ReadStatistics } from '../../bio/read_statistics.js';
import { TrimmedReads, type TrimmedReadsFigures, type TrimmedReadsRule } from '../../bio/trimmed_reads.js';
import type { FromThread } from '../threads.js';

/** The descriptors that the thread reads and writes, and what it makes of the reads. */
export type CountThreadData = { input: number; output: number; rule: TrimmedReadsRule };

/** What the thread has counted: FastQC's figures of the reads as they were passed on, and ours. */
export type CountedReads = { statistics: string; figures: TrimmedReadsFigures };

const BLOCK_BYTES = 256 * 1024;

const { input, output, rule } = workerData as CountThreadData;
const reads = new TrimmedReads(rule);
const statistics = new ReadStatistics();
const block = Buffer.alloc(BLOCK_BYTES);
const pass = (part: Buffer) => {
  statistics.push(part);
  for (let written = 0; written < part.length; ) written += writeSync(output, part, written);
};
for (let count = readSync(input, block); count > 0; count = readSync(input, block)) {
  pass(reads.push(block.subarray(0, count)));
}
pass(reads.end());
const result = { figures: reads.figures, statistics: statistics.report(rule.phredOffset) };
parentPort?.postMessage({ result } satisfies FromThread<CountedReads>);
