import { ApplicationFailure, Context } from '@temporalio/activity';
import type { ProcessError } from '../contracts/processes.js';
import { publishUntil } from '../files/publish.js';
import { isTooLarge } from '../store/database/trouble.js';
import type { ProcessDocument } from '../store/processes.js';
import type { ReferenceDocument } from '../store/references/references.js';
import type { ActivityDeps } from './deps.js';
import { withPulse } from './pulse.js';
import { stepSignal } from './steps/admission.js';

/** Attempts at a step that may end by the death of their worker. */
const MAXIMUM_DEATHS = 3;

/** In heartbeats: how many attempts have ended without a word, if this one does, and how far the work is, for who looks at a running step. */
type Pulse = { deaths: number; offset?: number };

/** Tells how far the work of a process is: OTUs done, or bytes downloaded. Heartbeats carry it. */
export type NoteOffset = (offset: number) => void;

/** A failure that ends a process: what is wrong with its input. */
export function unusableInput(errors: ProcessError[]): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'InvalidInput',
    message: errors[0]?.message ?? 'The input cannot be used',
    nonRetryable: true,
    details: [errors],
  });
}

/**
 * Runs the work of a process: heartbeats go out meanwhile, faults of the code end the process, all else (a lost
 * database) is tried again. Work that has taken its worker down with it three times is not done a fourth time.
 */
export async function runProcess<T>(work: (signal: AbortSignal, note: NoteOffset) => Promise<T>): Promise<T> {
  const context = Context.current();
  const signal = stepSignal();
  const deaths = deathsIn(context.info.heartbeatDetails);
  if (deaths >= MAXIMUM_DEATHS)
    throw fault(new Error(`The worker that did this step ended ${deaths} times in the middle of it`));
  const pulse: Pulse = { deaths: deaths + 1 };
  const note: NoteOffset = (offset) => {
    pulse.offset = offset;
  };
  try {
    return await publishUntil(signal, () => withPulse((ending: AbortSignal) => work(ending, note), pulse)(signal));
  } catch (error) {
    // This attempt has told its end, so it is none of those.
    context.heartbeat({ ...pulse, deaths } satisfies Pulse);
    if (signal.aborted) throw signal.reason;
    throw isFault(error) ? fault(error) : error;
  }
}

/**
 * The process, or undefined when it has ended and nothing is to be done.
 *
 * @throws ApplicationFailure when it is being undone.
 */
export async function openProcess(deps: ActivityDeps, processId: string): Promise<ProcessDocument | undefined> {
  const process = await deps.store.processes.get(processId);
  if (!process || process.complete || (process.errors?.length ?? 0) > 0) return undefined;
  if (process.closing) throw unusableInput([{ id: 'unhandled', message: 'The process was interrupted' }]);
  return process;
}

/**
 * The reference that a process fills.
 *
 * @throws ApplicationFailure when it was removed meanwhile.
 */
export async function requireReference(
  deps: ActivityDeps,
  referenceId: string | undefined,
): Promise<ReferenceDocument> {
  const reference = referenceId === undefined ? null : await deps.store.references.get(referenceId);
  if (!reference) throw unusableInput([{ id: 'unhandled', message: 'The reference was removed' }]);
  return reference;
}

function deathsIn(details: unknown): number {
  const { deaths } = (details ?? {}) as Partial<Pulse>;
  return typeof deaths === 'number' ? deaths : 0;
}

function isFault(error: unknown): error is Error {
  if (isTooLarge(error)) return true;
  if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError) return true;
  // A plain error is one of ours: a state that the code does not expect.
  return error instanceof Error && error.constructor === Error && !('code' in error);
}

function fault(error: Error): ApplicationFailure {
  const errors: ProcessError[] = [{ id: 'unhandled', message: error.message }];
  return ApplicationFailure.create({
    type: 'Bug',
    message: error.message,
    nonRetryable: true,
    details: [errors],
    cause: error,
  });
}
