import type { FailureClass } from '../contracts/failures.js';
import { OutputTooLarge, ToolFailed, ToolMissing, type ToolRun, UnsafePath } from './errors.js';
import { type ToolId, toolOf } from './programs.js';

/** What a failed tool means: its class, the tool, one sentence for the user, and whether a second try may go better. */
export type ToolFailure = { class: FailureClass; tool: string | null; advice: string; isPassing?: boolean };

/**
 * A failed run is put down to a full disk when less than this is left on the disk of its working folder. Not 0, as a tool that could not write
 * may have removed what it had written.
 */
const FULL_DISK_BYTES = 16_000_000;

const OUT_OF_DISK = [/No space left on device/i, /Disk quota exceeded/i, /disk full/i];

const OUT_OF_MEMORY = [
  /std::bad_alloc/,
  /out of memory/i,
  /ran out of memory/i,
  /Cannot allocate memory/i,
  /Can ?not allocate memory/i,
  /Could not allocate space/i,
  /not enough memory/i,
  /insufficient memory/i,
  /computer with more memory/i,
  /\bmalloc of size \d+ failed/,
  // The C++ library says this when a thread's stack finds no room.
  /Encountered exception: 'Resource temporarily unavailable'/,
];

const DAMAGED_GZIP =
  /^igzip: Error |^gzip: .*(not in gzip format|unexpected end of file|invalid compressed data|crc error)|BadGzipFile|zlib\.error|Compressed file ended before/i;

const INVALID_INPUT: Readonly<Record<ToolId, readonly RegExp[]>> = {
  bowtie2: [
    /does not look like a FASTQ file/,
    /more (quality values than read characters|read characters than quality values)/,
    /Saw ASCII character \d+ but expected/,
    /while parsing the quality string/,
    /fewer reads in file specified with/,
    /reads file (ended prematurely|contained a pattern)/i,
    /Error: Read .* has (more|fewer)/,
    /All fasta inputs were empty/,
    /No unambiguous stretches of characters in the input/,
    /does not seem to be a FASTA file/,
    DAMAGED_GZIP,
  ],
  skewer: [DAMAGED_GZIP, /Malformed fast[aq] record/i, /FASTQ quality formats of input files are different/],
  spades: [
    /file is empty/i,
    /offset could not be determined|Failed to determine offset/i,
    /Invalid FASTQ|is not in (FASTQ|FASTA) format/i,
    DAMAGED_GZIP,
  ],
  hmmer: [/File format problem/, /bad file format/, /is empty or misformatted/, /Parse failed/],
  pigz: [],
  igzip: [],
};

/** Failure class of a failed run, from its exit status, signal, stderr and the free disk space after it. */
export function classify(error: ToolFailed): FailureClass {
  const { run } = error;
  const lines = run.problem === undefined ? run.stderrTail : [run.problem, ...run.stderrTail];
  if (run.killed === 'outside' || run.stalledSeconds !== undefined) return 'tool_failed';
  if (matches(lines, OUT_OF_DISK)) return 'out_of_disk';
  if (run.killed === 'memory' || matches(lines, OUT_OF_MEMORY)) return 'out_of_memory';
  const tool = toolOf(run.command[0] ?? '');
  if (tool && matches(lines, INVALID_INPUT[tool.id])) return 'invalid_input';
  return isDiskFull(run) ? 'out_of_disk' : 'tool_failed';
}

/** Class, tool and advice of any error that this room throws; `undefined` for other errors. */
export function explain(error: unknown): ToolFailure | undefined {
  if (error instanceof ToolFailed) {
    const program = error.run.command[0] ?? '';
    const tool = toolOf(program);
    const failureClass = classify(error);
    const isPassing = error.run.killed === 'outside';
    const advice = isPassing ? KILLED : adviceFor(tool?.id, failureClass);
    return { class: failureClass, tool: tool?.name ?? program, advice, isPassing };
  }
  if (error instanceof ToolMissing) {
    return { class: 'tool_failed', tool: error.program, advice: `Ask the administrator: ${error.message}` };
  }
  if (error instanceof OutputTooLarge) {
    return { class: 'invalid_input', tool: null, advice: 'The file unpacks to more data than is allowed; check it.' };
  }
  if (error instanceof UnsafePath) return { class: 'tool_failed', tool: null, advice: `${error.message}.` };
  return undefined;
}

const KILLED =
  'Something on the server kills this program; ask the administrator what it is, then start the job again.';
const TRY_AGAIN = 'Look into the job log; if it does not explain the failure, start the job again.';

const INPUT_ADVICE: Readonly<Record<ToolId, string>> = {
  bowtie2:
    'The reads or sequences cannot be read; check that the file is whole and in FASTQ (reads) or FASTA (genome) format.',
  skewer: 'The reads cannot be read to the end; check that the FASTQ files are whole and upload them again.',
  spades: 'The reads cannot be assembled; check that the sample holds enough reads in valid FASTQ format.',
  hmmer: 'The profile HMMs or the proteins cannot be read; ask the administrator to install the HMM data again.',
  pigz: TRY_AGAIN,
  igzip: TRY_AGAIN,
};

/** One sentence for the user: what can be done about this class of failure of this tool. */
export function adviceFor(tool: ToolId | undefined, failureClass: FailureClass): string {
  switch (failureClass) {
    case 'out_of_disk':
      return 'The disk of the server is full; ask the administrator to free space, then start the job again.';
    case 'out_of_memory':
      return 'The server ran out of memory; start the job again when less is running, or ask for more memory for such jobs.';
    case 'invalid_input':
      return tool ? INPUT_ADVICE[tool] : 'The input cannot be read; check the file and upload it again.';
    case 'worker_lost':
      return 'The worker that ran the job was lost; start the job again.';
    case 'cancelled':
      return 'The job was cancelled; start it again if this was not intended.';
    case 'bug':
      return 'This is a fault of the server; report it together with the job log.';
    case 'tool_failed':
      return TRY_AGAIN;
  }
}

function matches(lines: readonly string[], patterns: readonly RegExp[]): boolean {
  return lines.some((line) => patterns.some((pattern) => pattern.test(line)));
}

/** Some tools crash without a word when a write fails (bowtie2-build: a segmentation fault). */
function isDiskFull(run: ToolRun): boolean {
  return run.freeDiskBytes !== undefined && run.freeDiskBytes < FULL_DISK_BYTES;
}
