import { type ToolCommand, threadCount } from './command.js';
import { UnsafePath } from './errors.js';

/**
 * What every mapping needs: `index` is the prefix of an index, `reads` one or two FASTQ files taken as single reads. The offset of their Phred
 * qualities is 33 unless given; with 64 no quality may be below 0.
 */
export type Mapping = { index: string; reads: readonly string[]; threads: number; phredOffset?: 33 | 64 | undefined };

/** A mapping that keeps the reads that do not map. */
export type Elimination = Mapping & { unmappedReads: string };

/**
 * Index of a host genome: `<prefix>.1.bt2` and five more files. The bytes do not depend on the number of threads. Progress
 * comes on stdout.
 */
export function buildSubtractionIndex(input: { fasta: string; prefix: string; threads: number }): ToolCommand {
  return build(['-f'], input);
}

/** Index of the default isolates of a reference, or of the isolates of one analysis. */
export function buildIndex(input: { fasta: string; prefix: string; threads: number }): ToolCommand {
  return build([], input);
}

function build(flags: string[], input: { fasta: string; prefix: string; threads: number }): ToolCommand {
  const fasta = checkedPath(input.fasta);
  const prefix = checkedPath(input.prefix);
  return { argv: ['bowtie2-build', ...flags, '--threads', threadCount(input.threads), fasta, prefix] };
}

/** Maps reads to the default isolates; stdout is SAM in any order, as only the set of references is wanted. */
export function mapDefaultIsolates({ index, threads, ...reads }: Mapping): ToolCommand {
  return bowtie2(['-p', threadCount(threads), '--no-unal', ...SENSITIVE, '-x', checkedPath(index)], reads);
}

/**
 * Maps reads to all isolates of the candidate OTUs, up to 100 alignments per read. stdout is SAM in the order of the reads, with the
 * bases in the first alignment of a read only; each mapped read is written once to `mappedReads`, in the same order, whatever
 * the number of threads.
 */
export function mapIsolates({ index, threads, mappedReads, ...reads }: Mapping & { mappedReads: string }): ToolCommand {
  const flags = ['-p', threadCount(threads), '--reorder', '--no-unal', '--omit-sec-seq', ...SENSITIVE, '-k', '100'];
  return bowtie2([...flags, '--al', checkedPath(mappedReads), '-x', checkedPath(index)], reads);
}

/** Maps the reads that mapped to isolates to the host; stdout is SAM in the order of the reads, unmapped reads included. */
export function mapSubtraction({ index, threads, ...reads }: Mapping): ToolCommand {
  return bowtie2(['--local', '-N', '0', '-p', threadCount(threads), '--reorder', '-x', checkedPath(index)], reads);
}

/**
 * Maps reads to the default isolates of a reference, for the sake of those that do not map: they are written to `unmappedReads` in
 * the order of the reads, whatever the number of threads. Nobody needs stdout.
 */
export function eliminateOtus({ index, threads, unmappedReads, ...reads }: Elimination): ToolCommand {
  const flags = ['-p', threadCount(threads), '--reorder', '-k', '1', '--very-fast-local', '-x', checkedPath(index)];
  return bowtie2([...flags, '--un', checkedPath(unmappedReads)], reads);
}

/** The same for the host. */
export function eliminateSubtraction({ index, threads, unmappedReads, ...reads }: Elimination): ToolCommand {
  const flags = ['--very-fast-local', '-k', '1', '-p', threadCount(threads), '--reorder', '-x', checkedPath(index)];
  return bowtie2([...flags, '--un', checkedPath(unmappedReads)], reads);
}

const SENSITIVE = ['--local', '--score-min', 'L,20,1.0', '-N', '0', '-L', '15'];

function bowtie2(flags: string[], { reads, phredOffset }: Pick<Mapping, 'reads' | 'phredOffset'>): ToolCommand {
  const offset = phredOffset === undefined ? [] : [`--phred${phredOffset}`];
  return { argv: ['bowtie2', ...flags, ...offset, '-U', reads.map(checkedPath).join(',')] };
}

/**
 * What is wrong with a path for Bowtie 2, `undefined` when nothing is. Its wrapper makes shell text of its arguments, takes
 * the index prefix for a file pattern, and splits read files at commas.
 */
export function bowtie2PathProblem(path: string): string | undefined {
  if (path === '' || /^[-&]/.test(path)) return `Bowtie 2 cannot take the path "${path}"`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are among what is refused.
  const bad = /["'`$\\,*?[\]{}~<>|\x00-\x1f\x7f]|^\s|\s$/.exec(path);
  return bad
    ? `Bowtie 2 cannot take the path "${path}": the character ${JSON.stringify(bad[0])} is not allowed`
    : undefined;
}

function checkedPath(path: string): string {
  const problem = bowtie2PathProblem(path);
  if (problem !== undefined) throw new UnsafePath(problem);
  return path;
}
