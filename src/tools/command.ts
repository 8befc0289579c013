/** One call of a program: an array of arguments, never shell text. */
export type ToolCommand = {
  /** Program name, looked up on PATH, and its arguments. */
  readonly argv: readonly [program: string, ...args: string[]];
  /** Variables set on top of the tool environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** True for a stderr line that means failure, for programs that end with 0 all the same. */
  readonly isFailureLine?: (line: string) => boolean;
};

/** Where a run reports what it does; the caller decides on the format and the file. */
export type ToolLog = {
  stage?(name: string): void;
  /** The command, arguments joined by blanks. */
  command(line: string): void;
  /** One line of a tool's output; `indent` counts steps of four blanks. */
  line(text: string, indent: number): void;
};

/** Number of threads as a tool takes it: a whole number, at least 1. */
export function threadCount(threads: number): string {
  return String(Math.max(1, Math.floor(threads) || 1));
}
