import { type ToolCommand, threadCount } from './command.js';
import { ToolFailed, type ToolRun } from './errors.js';
import type { ProgressParser } from './progress.js';
import { eachLine, type RunOptions, runTool } from './runner.js';

/** What SPAdes is to assemble, and with what. */
export type Assembly = {
  /** One file of single reads, or the two files of pairs. None of them empty. */
  reads: readonly string[];
  /** Lengths of k-mers, ascending. */
  kmers: readonly number[];
  threads: number;
  /** Memory that it may use, in GiB. */
  memoryGib: number;
  /** Offset of the Phred qualities. SPAdes guesses when it is not given, and fails for reads of a constant quality. */
  phredOffset?: 33 | 64 | undefined;
  /** Gets all that SPAdes writes: `scaffolds.fasta`, `spades.log` and large working files. */
  folder: string;
};

/** The command of an assembly. */
export function assemble({ reads, kmers, threads, memoryGib, phredOffset, folder }: Assembly): ToolCommand {
  const limits = ['-t', threadCount(threads), '-m', String(Math.max(1, Math.floor(memoryGib)))];
  const offset = phredOffset === undefined ? [] : ['--phred-offset', String(phredOffset)];
  const [first = '', second] = reads;
  const files = second === undefined ? ['-s', first] : ['-1', first, '-2', second];
  return { argv: ['spades.py', ...limits, ...offset, ...files, '-o', folder, '-k', kmers.join(',')] };
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
 * Runs SPAdes.
 *
 * @throws ToolFailed when it fails for any other reason than too few reads. Its last lines are those in which SPAdes, which writes to
 * stdout, tells why.
 */
export async function runSpades(
  assembly: Assembly,
  options: RunOptions & { onFraction?: (fraction: number) => void },
): Promise<AssemblyEnd> {
  const { onFraction, ...runOptions } = options;
  const reasons: string[] = [];
  let lastLine = '';
  const progress = spadesProgress(assembly.kmers);
  const take = (line: string) => {
    if (line.trim() === '') return;
    lastLine = line.trim();
    options.log?.line(line, SPADES_INDENT);
    onFraction?.(progress(line) ?? 0);
    if (REASON.test(line)) reasons.push(line.trim().slice(0, 1000));
  };
  try {
    await runTool(assemble(assembly), { ...runOptions, stdout: eachLine(take) });
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
