import { FastqScanner } from '../bio/fastq.js';
import { parseFastqc } from '../bio/fastqc.js';
import { decidePhredOffset } from '../bio/phred.js';
import { RawReadStatistics } from '../bio/raw_read_statistics.js';
import { reasonOf } from './errors.js';
import type { VectorFolder } from './folder.js';
import { originalQuality } from './original_form.js';

const reportName = (n: number) => `fastqc_${n}.txt`;
const readsName = (n: number) => `reads_${n}.fq`;

/** Whether the folder is a case of this kind. */
export function hasQualityCase(folder: VectorFolder): boolean {
  return folder.has(reportName(1)) || (folder.has(readsName(1)) && !folder.has('input.vta'));
}

/**
 * The quality object of a case: from FastQC's reports if the vectors hold them, else from those that are made of the reads, which are
 * written too.
 */
export async function writeQuality(folder: VectorFolder): Promise<void> {
  const numbers = [1, 2].filter((n) => folder.has(reportName(n)) || folder.has(readsName(n)));
  const files = { files: numbers.length, paired: numbers.length === 2 };
  try {
    const texts: string[] = [];
    for (const n of numbers) texts.push(await reportOf(folder, n));
    const quality = parse(texts);
    await folder.writeJson('expected.json', { ...files, quality: originalQuality(quality) });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    await folder.writeJson('expected.json', { ...files, failed_in: error.step, refusal: reasonOf(error) });
  }
}

/** The reads cannot be counted, or a report makes no sense. */
class Refused extends Error {
  constructor(
    readonly step: 'run_fastqc' | 'parse_fastqc',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

function parse([first = '', second]: readonly string[]) {
  try {
    return second === undefined ? parseFastqc(first) : parseFastqc(first, second);
  } catch (error) {
    throw new Refused('parse_fastqc', reasonOf(error), { cause: error });
  }
}

async function reportOf(folder: VectorFolder, n: number): Promise<string> {
  if (folder.has(reportName(n))) return (await folder.bytes(reportName(n))).toString('utf8');
  const scanner = new FastqScanner();
  const statistics = new RawReadStatistics();
  statistics.push(scanner.push(await folder.bytes(readsName(n))));
  statistics.push(scanner.finish());
  if (scanner.problem) throw new Refused('run_fastqc', scanner.problem.message);
  const { offset } = decidePhredOffset(statistics.qualityCounts());
  const text = statistics.report(`${readsName(n)}.gz`, offset);
  await folder.write(reportName(n), Buffer.from(text), readsName(n));
  return text;
}
