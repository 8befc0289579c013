/**
 * A fault of the machine or its set-up that a person can cure: what happened and where in `message`,
 * what to do in `cure`, one line per step. The command line prints both and no stack.
 */
export class LocalError extends Error {
  override readonly name = 'LocalError';

  constructor(
    message: string,
    readonly cure: readonly string[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** The message with its cures below, as printed to a terminal. */
  text(): string {
    return [this.message, ...this.cure.map((line) => `  ${line}`)].join('\n');
  }
}

/** The code of a system error such as `ENOENT`; undefined for everything else. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** One line that says what went wrong, for use inside a longer sentence. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n')[0] ?? text;
}
