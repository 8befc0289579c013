import { ApplicationFailure } from '@temporalio/activity';
import type { FailureClass, JobError } from '../../contracts/failures.js';
import { ManifestLost } from '../../store/indexes/index_contents.js';
import { adviceFor, explain } from '../../tools/classify.js';
import { ToolFailed } from '../../tools/errors.js';
import { BUG_ADVICE, InvalidInput, StepTooLong, ThreadFailed, toFailure } from '../errors.js';

const DISK_ADVICE = 'The disk of the server is full; ask the administrator to free space, then start the job again.';
const SLOW_ADVICE = 'Look into the job log for what it did last; start the job again when the server has less to do.';
const MAXIMUM_LINES = 50;

/** A tool that is killed in each of so many attempts is not killed by chance. */
const MOST_KILLS = 5;

/**
 * What the body of a step threw in this attempt, as a failure for the workflow: refused input and failed tools end the job, faults of
 * the code too; all else (a lost database, a lost network, a tool that was killed from outside) is tried again.
 */
export function describeError(error: unknown, step: string, dataRoot: string, attempt: number): unknown {
  if (error instanceof ApplicationFailure) return error;
  const described = explainError(error);
  if (!described) return error;
  const hide = (text: string) => text.replaceAll(dataRoot, '<data>');
  const jobError: JobError = {
    type: described.type,
    traceback: described.traceback.slice(-MAXIMUM_LINES).map(hide),
    details: described.details.slice(0, MAXIMUM_LINES).map(hide),
    class: described.class,
    step,
    tool: described.tool,
    exit_code: described.exitCode,
    advice: hide(described.advice),
  };
  return toFailure(jobError, error, described.isPassing && attempt < MOST_KILLS);
}

type Explained = {
  type: string;
  class: FailureClass;
  tool: string | null;
  exitCode: number | null;
  traceback: string[];
  details: string[];
  advice: string;
  isPassing?: boolean;
};

function explainError(error: unknown): Explained | undefined {
  if (error instanceof ManifestLost)
    return explainError(new InvalidInput(`${error.message}.`, 'Build the index again.'));
  if (error instanceof InvalidInput) {
    return { ...NOTHING, type: 'InvalidInput', class: 'invalid_input', details: [error.message], advice: error.advice };
  }
  const tool = explain(error);
  if (tool && error instanceof ToolFailed) {
    const command = error.run.command.join(' ');
    return {
      type: 'SubprocessError',
      class: tool.class,
      tool: tool.tool,
      exitCode: error.run.exitCode,
      traceback: [...error.run.stderrTail],
      details: [`Command failed: ${command}. Check job log.`, error.message, ...error.run.stderrTail],
      advice: tool.advice,
      isPassing: tool.isPassing === true,
    };
  }
  if (tool && error instanceof Error) {
    return {
      ...NOTHING,
      type: error.name,
      class: tool.class,
      tool: tool.tool,
      details: [error.message],
      advice: tool.advice,
    };
  }
  if (error instanceof ThreadFailed) {
    const { name: type, failureClass, message } = error;
    return {
      ...NOTHING,
      type,
      class: failureClass,
      details: [message],
      advice: adviceFor(undefined, failureClass),
    };
  }
  if (error instanceof StepTooLong) {
    return { ...NOTHING, type: error.name, class: 'tool_failed', details: [error.message], advice: SLOW_ADVICE };
  }
  if (isDiskFull(error)) {
    return { ...NOTHING, type: 'DiskFull', class: 'out_of_disk', details: [error.message], advice: DISK_ADVICE };
  }
  if (error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError) {
    return { ...NOTHING, type: 'Bug', class: 'bug', details: [error.message], advice: BUG_ADVICE };
  }
  return undefined;
}

const NOTHING = { tool: null, exitCode: null, traceback: [] };

function isDiskFull(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
}
