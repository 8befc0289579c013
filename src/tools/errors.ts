/** One finished run of a program: what was asked for, how it ended, what it cost. */
export type ToolRun = {
  /** The program and its arguments, as written to the job log. */
  readonly command: readonly string[];
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last lines of stderr, readable text without line ends. */
  readonly stderrTail: readonly string[];
  /** A signal from outside ended it, or a child that it waited for: from the kernel for want of memory, or from anybody else. */
  readonly killed?: 'memory' | 'outside' | undefined;
  /** For so many seconds it neither used the processor nor read nor wrote; therefore it was ended. */
  readonly stalledSeconds?: number | undefined;
  /** The first stderr line that means failure although the program may end with 0. */
  readonly problem?: string | undefined;
  readonly wallSeconds: number;
  /**
   * User plus system time of the whole process tree, to hundredths of a second. Of tools that ran at the same time it is sampled, and
   * may miss the last half second. Absent without /proc.
   */
  readonly cpuSeconds?: number | undefined;
  /** Highest sum of the peak resident sizes of the processes alive together, sampled. Absent without /proc. */
  readonly peakRssBytes?: number | undefined;
  /** Free bytes on the disk of the working folder right after a failure. */
  readonly freeDiskBytes?: number | undefined;
};

/** A program ran and failed: a non-zero exit, a signal, or a sign of failure in its output. */
export class ToolFailed extends Error {
  override readonly name = 'ToolFailed';

  constructor(
    readonly run: ToolRun,
    options?: ErrorOptions,
  ) {
    super(describeRun(run), options);
  }
}

/** A program is not installed, or is there but cannot be started. */
export class ToolMissing extends Error {
  override readonly name = 'ToolMissing';

  constructor(
    /** Name of the program as it was called. */
    readonly program: string,
    /** One sentence that says how to install it. */
    readonly advice: string,
    options?: ErrorOptions,
  ) {
    super(`${program} is not installed or cannot be started. ${advice}`, options);
  }
}

/** A program wrote more than its caller allows, for example a small file that unpacks to a huge one. */
export class OutputTooLarge extends Error {
  override readonly name = 'OutputTooLarge';

  constructor(
    readonly limitBytes: number,
    options?: ErrorOptions,
  ) {
    super(`The output is larger than the allowed ${limitBytes} bytes`, options);
  }
}

/** A path holds characters that the named program would misread. */
export class UnsafePath extends Error {
  override readonly name = 'UnsafePath';
}

function describeRun(run: ToolRun): string {
  const name = run.command[0] ?? 'A tool';
  if (run.stalledSeconds !== undefined) {
    return `${name} stalled: it neither used the processor nor read nor wrote for ${run.stalledSeconds} s, so it was ended`;
  }
  if (run.signal !== null) return `${name} ended with ${run.signal}`;
  if (run.exitCode !== 0) return `${name} ended with code ${run.exitCode}`;
  return `${name} failed: ${run.problem ?? 'its output is not usable'}`;
}
