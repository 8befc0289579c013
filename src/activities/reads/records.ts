import { FastqReader, type FastqRecord } from '../../bio/fastq_records.js';
import { readReadLines } from '../../files/read_lines.js';
import { InvalidInput } from '../errors.js';

/**
 * The records of a file of reads, in batches.
 *
 * @throws InvalidInput when it is damaged.
 */
export async function* readRecords(
  path: string,
  signal: AbortSignal,
): AsyncGenerator<{ records: FastqRecord[]; bytes: number }> {
  const reader = new FastqReader();
  try {
    for await (const { lines, bytes } of readReadLines(path, signal)) {
      yield { records: lines.map((line) => reader.push(line)).filter((record) => record !== undefined), bytes };
    }
    reader.end();
  } catch (error) {
    const isDamaged =
      error instanceof SyntaxError || String((error as NodeJS.ErrnoException).code ?? '').startsWith('Z_');
    if (!isDamaged) throw error;
    throw new InvalidInput(`The reads are damaged: ${(error as Error).message}`, 'Upload the reads again.');
  }
}
