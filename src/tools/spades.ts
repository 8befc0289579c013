import { type ToolCommand, threadCount } from './command.js';
import { ToolFailed, type ToolRun } from './errors.js';
import type { ProgressParser } from './progress.js';
import { eachLine, type RunOptions, runTool } from './runner.js';

/** The reads that SPAdes is to correct, and with what. */
export type Correction = {
  /** One file of single reads, or the two files of pairs. None of them empty. */
  reads: readonly string[];
  threads: number;
  /** Memory that it may use, in GiB. */
  memoryGib: number;
  /** Offset of the Phred qualities. SPAdes guesses when it is not given, and fails for reads of a constant quality. */
  phredOffset?: 33 | 64 | undefined;
  /** An empty folder; gets the corrected reads, and after the assembly all else that SPAdes writes. */
  folder: string;
};

/** What SPAdes is to assemble, and with what. */
export type Assembly = {
  /** The folder of a correction; gets `scaffolds.fasta`, `spades.log` and large working files. */
  folder: string;
  /** Lengths of k-mers, ascending. */
  kmers: readonly number[];
  /** Memory that it may use, in GiB. */
  memoryGib: number;
};

/**
 * Threads of every assembly, on every host. SPAdes numbers the edges of its graph by the number of its threads, and so decides on
 * strands, order and number of scaffolds. Its correction of reads gives the same bytes with any number.
 */
const ASSEMBLY_THREADS = 2;

/** Two threads also where there is one core, and threads that wait leave their core to others. */
const ASSEMBLY_ENVIRONMENT = { OMP_NUM_THREADS: String(ASSEMBLY_THREADS), OMP_WAIT_POLICY: 'passive' };

/** The command that corrects reads. */
export function correct({ reads, threads, memoryGib, phredOffset, folder }: Correction): ToolCommand {
  const offset = phredOffset === undefined ? [] : ['--phred-offset', String(phredOffset)];
  const [first = '', second] = reads;
  const files = second === undefined ? ['-s', first] : ['-1', first, '-2', second];
  // The assembly reads them at once, so they are not worth compressing.
  const plain = ['--disable-gzip-output', '--stop-after', 'ec'];
  return { argv: ['spades.py', ...limits(threads, memoryGib), ...offset, ...files, '-o', folder, ...plain] };
}

/** The command that assembles corrected reads. */
export function assemble({ folder, kmers, memoryGib }: Assembly): ToolCommand {
  const restart = ['-o', folder, '--restart-from', 'as', '-k', kmers.join(',')];
  return { argv: ['spades.py', ...limits(ASSEMBLY_THREADS, memoryGib), ...restart], env: ASSEMBLY_ENVIRONMENT };
}

function limits(threads: number, memoryGib: number): string[] {
  return ['-t', threadCount(threads), '-m', String(Math.max(1, Math.floor(memoryGib)))];
}

/** How an assembly ended: with scaffolds (perhaps none), or because the reads are too few for k-mers of this length. */
export type AssemblyEnd = { isAssembled: true } | { isAssembled: false; failedAt: number | undefined };

const SPADES_INDENT = 4;
const TAIL_LINES = 12;

/** SPAdes ends with these when reads are too few or too short; with the same exit codes it ends for other reasons too. */
const TOO_FEW_READS = [
  /Invalid kmer coverage histogram/,
  /No kmers were extracted from reads/,
  /Failed to determine read length for library/,
  /== Error == +file is empty/,
];
const REASON =
  /\bERROR\b|== Error ==|^mimalloc: error|[Oo]ut of memory|Cannot allocate memory|^terminate called|bad_alloc|Assertion|No space left/;
/** All that is said when an allocation or a thread's start fails under a memory limit. */
const ABORTED = /finished abnormally, OS return value: -6\b|^terminate called without an active exception$/;

/**
 * Corrects reads with SPAdes; false when they are too few or too short for it.
 *
 * @throws ToolFailed when it fails for any other reason. Its last lines are those in which SPAdes, which writes to stdout, tells why.
 */
export async function correctReads(correction: Correction, options: RunOptions): Promise<boolean> {
  return (await runSpades(correct(correction), options, () => undefined)).isAssembled;
}

/**
 * Assembles corrected reads with SPAdes, again with other k-mers if need be. The same reads give the same scaffolds, but for the order
 * of those with the same length and coverage.
 *
 * @throws ToolFailed as `correctReads` does.
 */
export async function assembleReads(
  assembly: Assembly,
  options: RunOptions & { onFraction?: (fraction: number) => void },
): Promise<AssemblyEnd> {
  const { onFraction, ...runOptions } = options;
  const progress = spadesProgress(assembly.kmers);
  return runSpades(assemble(assembly), runOptions, (line) => onFraction?.(progress(line) ?? 0));
}

async function runSpades(
  command: ToolCommand,
  options: RunOptions,
  onLine: (line: string) => void,
): Promise<AssemblyEnd> {
  const reasons: string[] = [];
  let lastLine = '';
  const take = (line: string) => {
    if (line.trim() === '') return;
    lastLine = line.trim();
    options.log?.line(line, SPADES_INDENT);
    onLine(line);
    if (REASON.test(line)) reasons.push(line.trim().slice(0, 1000));
  };
  try {
    await runTool(command, { ...options, stdout: eachLine(take) });
    return { isAssembled: true };
  } catch (error) {
    if (!(error instanceof ToolFailed)) throw error;
    if (reasons.some((line) => TOO_FEW_READS.some((pattern) => pattern.test(line)))) {
      return { isAssembled: false, failedAt: failedAt(reasons) };
    }
    const said = error.run.stalledSeconds === undefined ? reasons : [...reasons, lastLine];
    throw new ToolFailed({ ...error.run, stderrTail: explain(error.run, said) }, { cause: error });
  }
}

function explain(run: ToolRun, reasons: readonly string[]): string[] {
  const lines = [...reasons.slice(-TAIL_LINES), ...run.stderrTail];
  const isSilentAbort = reasons.every((line) => ABORTED.test(line)) && reasons.length > 0;
  return isSilentAbort ? [...lines, 'SPAdes was aborted without a word, as it is when it is out of memory'] : lines;
}

/** The k-mer length at which SPAdes gave up; undefined when it had not begun with any. */
function failedAt(reasons: readonly string[]): number | undefined {
  const stage = reasons.map((line) => /spades-core'?, '[^']*\/K(\d+)\/configs/.exec(line)?.[1]).find(Boolean);
  return stage === undefined ? undefined : Number(stage);
}

/** SPAdes' stdout: the error correction of the reads, then one stage per k-mer length, then the copying of files. */
export function spadesProgress(kmers: readonly number[]): ProgressParser {
  const stages = ['Read error correction', ...kmers.map((k) => `K${k}`), 'Copy files'];
  let reached = 0;
  return (line) => {
    const stage = /^===== (.*) (started|finished)\. *$/.exec(line);
    const index = stage ? stages.indexOf(stage[1] as string) : -1;
    if (index < 0) return undefined;
    const fraction = (index + (stage?.[2] === 'finished' ? 1 : 0)) / stages.length;
    if (fraction <= reached) return undefined;
    reached = fraction;
    return fraction;
  };
}
