import { MateComparer, type MateProblem, type Side } from '../../bio/mates.js';
import { CountingHere, CountingThread, type RawCounts } from './raw_counting.js';
import { ReadFile, type ReadFileFindings, type ReadFileTask } from './read_file.js';

const SMALLEST_PROGRESS = 0.01;
/** Below this a thread starts in no less time than the counting takes. */
const SMALL_BYTES = 2_000_000;

/** One pass over the uploads of a sample. */
export type ImportTask = {
  files: readonly ReadFileTask[];
  /** Bytes of all uploads. */
  sizeBytes: number;
  /** Processor cores for the work. */
  threads: number;
  /** How mates are found: by their names, or by their places alone. */
  pairing: 'by_name' | 'by_order';
};

/** How a pass ended. */
export type ImportOutcome =
  | { kind: 'done'; files: ReadFileFindings[] }
  /** Files whose copies need a change. */
  | { kind: 'rewrite'; files: number[] }
  /** A file is no such file as it should be. */
  | { kind: 'bad_file'; file: number; message: string; advice: string }
  | { kind: 'bad_pair'; problem: MateProblem };

/**
 * Reads one file, or two of mates side by side, from end to end: checks, counts and copies or rewrites them. `report` hears how far it is, 0 to 1.
 */
export async function runImportPass(task: ImportTask, report: (fraction: number) => void): Promise<ImportOutcome> {
  const isPaired = task.files.length === 2;
  const mates = new MateComparer(task.pairing === 'by_name');
  const onBytes = progressOf(task.sizeBytes, report);
  const hasThread = task.threads > 1 && task.sizeBytes > SMALL_BYTES;
  const counting = hasThread ? new CountingThread(task.files.length) : new CountingHere(task.files.length);
  const files = task.files.map((file, index) => {
    const onRecord = isPaired ? mates.take.bind(mates, index as Side) : () => {};
    return new ReadFile(file, { onRecord, onBytes, onText: (records) => counting.push(index, records) });
  });
  try {
    const open = new Set(files);
    while (open.size > 0) {
      const file = shortest(open);
      const index = files.indexOf(file);
      if (!(await file.next())) {
        open.delete(file);
        if (file.problem) return { kind: 'bad_file', file: index, ...file.problem };
        if (isPaired) mates.end(index as Side);
      }
      if (mates.problem) return { kind: 'bad_pair', problem: mates.problem };
      if (file.mustBeRewritten) return { kind: 'rewrite', files: [index] };
    }
    const counts = await counting.end();
    return { kind: 'done', files: files.map((file, index) => file.findings(counts[index] as RawCounts)) };
  } finally {
    await counting.close();
    for (const file of files) await file.close();
  }
}

/** The file that has had the fewest reads, so that few names wait for their mates. */
function shortest(files: ReadonlySet<ReadFile>): ReadFile {
  return [...files].reduce((a, b) => (b.scanner.facts.reads < a.scanner.facts.reads ? b : a));
}

function progressOf(sizeBytes: number, report: (fraction: number) => void): (count: number) => void {
  let done = 0;
  let told = 0;
  return (count) => {
    done += count;
    if (done / sizeBytes - told < SMALLEST_PROGRESS) return;
    told = done / sizeBytes;
    report(told);
  };
}
