import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseFastqc } from '../bio/fastqc.js';
import { ToolFailed } from '../tools/errors.js';
import { assessQuality } from '../tools/fastqc.js';
import { runTool } from '../tools/runner.js';
import { reasonOf } from './errors.js';
import type { VectorFolder } from './folder.js';
import { originalQuality } from './original_form.js';
import type { Work } from './work.js';

const reportName = (n: number) => `fastqc_${n}.txt`;
const readsName = (n: number) => `reads_${n}.fq`;

/** Whether the folder is a case of this kind. */
export function hasQualityCase(folder: VectorFolder): boolean {
  return folder.has(reportName(1)) || (folder.has(readsName(1)) && !folder.has('input.vta'));
}

/**
 * The quality object of a case: from FastQC's reports if the vectors hold them, else from the reports that FastQC makes of the reads,
 * which are written too.
 */
export async function writeQuality(folder: VectorFolder, work: Work): Promise<void> {
  const numbers = [1, 2].filter((n) => folder.has(reportName(n)) || folder.has(readsName(n)));
  const files = { files: numbers.length, paired: numbers.length === 2 };
  try {
    const texts: string[] = [];
    for (const n of numbers) texts.push(await reportOf(folder, n, work));
    const quality = parse(texts);
    await folder.writeJson('expected.json', { ...files, quality: originalQuality(quality) });
  } catch (error) {
    const failed_in =
      error instanceof ToolFailed ? 'run_fastqc' : error instanceof Refused ? 'parse_fastqc' : undefined;
    if (failed_in === undefined) throw error;
    await folder.writeJson('expected.json', { ...files, failed_in, refusal: reasonOf(error) });
  }
}

/** FastQC's report is none, or one that makes no sense. */
class Refused extends Error {}

function parse([first = '', second]: readonly string[]) {
  try {
    return second === undefined ? parseFastqc(first) : parseFastqc(first, second);
  } catch (error) {
    throw new Refused(reasonOf(error), { cause: error });
  }
}

async function reportOf(folder: VectorFolder, n: number, work: Work): Promise<string> {
  if (folder.has(reportName(n))) return (await folder.bytes(reportName(n))).toString('utf8');
  const output = await work.folder();
  const reads = [folder.path(readsName(n))];
  await runTool(assessQuality({ reads, folder: output, threads: 1 }), { signal: work.signal });
  const text = await readFile(join(output, `reads_${n}_fastqc`, 'fastqc_data.txt'));
  await folder.write(reportName(n), text, readsName(n));
  return text.toString('utf8');
}
