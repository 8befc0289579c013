// Where the thread of `countAndCompress` begins: counts the reads of one pipe and passes them on to the next.
import { readSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { ReadStatistics } from '../../bio/read_statistics.js';
import type { FromThread } from '../threads.js';

/** The descriptors that the thread reads and writes. */
export type CountThreadData = { input: number; output: number };

const BLOCK_BYTES = 256 * 1024;

const { input, output } = workerData as CountThreadData;
const statistics = new ReadStatistics();
const block = Buffer.alloc(BLOCK_BYTES);
for (let count = readSync(input, block); count > 0; count = readSync(input, block)) {
  const part = block.subarray(0, count);
  statistics.push(part);
  for (let written = 0; written < count; ) written += writeSync(output, part, written);
}
parentPort?.postMessage({ result: statistics.report() } satisfies FromThread<string>);
