import { errorCode, LocalError } from '../errors.js';

/** How a program ended. */
export type ProcessExit = { code: number | null; signal: NodeJS.Signals | null };

/**
 * Exit code of a process of ours that cannot run until somebody changes something: the configuration, the rights, what else runs.
 * `EX_CONFIG` of sysexits.h.
 */
export const EXIT_UNUSABLE = 78;

const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

// What the embedded servers say of a port that is taken, of missing rights, of options and of data that another version has written.
const LASTING_WORDS =
  /address already in use|permission denied|operation not permitted|read-only file system|unable to open database file|unknown (argument|flag|option)|unrecognised option|featureCompatibilityVersion|incompatible/i;

const LASTING_CODES = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR'];

/** `passing`: another try may go well; `late`: with more time; `lasting`: not before somebody changes something. */
export type StartFailure = 'passing' | 'late' | 'lasting';

/** A program that did not become ready; nothing of it is left. */
export class StartFailed extends LocalError {
  constructor(
    message: string,
    readonly failure: StartFailure,
    options?: ErrorOptions,
  ) {
    super(message, [], options);
  }
}

/** `code 1` or `SIGKILL`. */
export function describeExit({ code, signal }: ProcessExit): string {
  return signal ?? `code ${code}`;
}

/** Whether a program that ended like this, with these last words, would end so again. One that was killed would not. */
export function isLastingEnd({ code }: ProcessExit, words: string): boolean {
  if (code === null || code === 0) return false;
  return [EXIT_UNUSABLE, NOT_EXECUTABLE, NOT_FOUND].includes(code) || LASTING_WORDS.test(words);
}

/** The same of what the system refused. A full disk, or too many open files, pass. */
export function lastingOf(error: unknown): 'passing' | 'lasting' {
  return LASTING_CODES.includes(errorCode(error) ?? '') ? 'lasting' : 'passing';
}
