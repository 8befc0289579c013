// Where the thread of `lookAtReads` begins: reads files from end to end, and what lies on the disk meanwhile.
import { parentPort, workerData } from 'node:worker_threads';
import { readName } from '../../bio/fastq_records.js';
import { viewOf } from '../../bio/memory.js';
import { QUALITY_CODES } from '../../bio/phred.js';
import { InvalidInput } from '../errors.js';
import type { FromThread } from '../threads.js';
import { readRecords } from './records.js';
import { UniqueNames } from './unique_names.js';

/** Files of reads, and where their names may lie for the time of the work. */
export type LookThreadData = { paths: readonly string[]; namesPath: string };

/** Quality characters of all files by code, and whether each file's reads have names of their own; or why the files cannot be read. */
export type LookThreadResult =
  | { qualityCounts: Float64Array; areNamesUnique: boolean }
  | { problem: { message: string; advice: string } };

async function look({ paths, namesPath }: LookThreadData): Promise<LookThreadResult> {
  const qualityCounts = new Float64Array(QUALITY_CODES);
  let areNamesUnique = true;
  for (const path of paths) {
    const names = new UniqueNames(namesPath);
    try {
      for await (const { records } of readRecords(path, new AbortController().signal)) {
        for (const { header, quality } of records) {
          countCharacters(quality, qualityCounts);
          const name = viewOf(Buffer.from(readName(header), 'latin1'));
          names.add(name, 0, name.byteLength);
        }
      }
      areNamesUnique = names.areUnique() && areNamesUnique;
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      return { problem: { message: error.message, advice: error.advice } };
    } finally {
      names.close();
    }
  }
  return { qualityCounts, areNamesUnique };
}

function countCharacters(text: string, counts: Float64Array): void {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < QUALITY_CODES) counts[code] = (counts[code] as number) + 1;
  }
}

const result = await look(workerData as LookThreadData);
parentPort?.postMessage({ result } satisfies FromThread<LookThreadResult>);
