/** What kind of trouble ended a step; decides retry, user text and metric. */
export const FAILURE_CLASSES = [
  'invalid_input',
  'tool_failed',
  'out_of_memory',
  'out_of_disk',
  'worker_lost',
  'cancelled',
  'bug',
] as const;

/** One of {@link FAILURE_CLASSES}. */
export type FailureClass = (typeof FAILURE_CLASSES)[number];

/** `ApplicationFailure` types that a retry cannot help; the workflow ends with them at once. */
export const PERMANENT_FAILURES = [
  'InvalidInput',
  'ToolFailed',
  'JobClosed',
  'ProductLost',
  'PayloadsTooLarge',
  'Bug',
] as const;

/** What a failed step tells the user and the operator; kept in the job's last status entry. */
export type JobError = {
  /** Name of the failure, for example `ToolFailed`. The 3.7.3 client prints it first. */
  type: string;
  /** At most 50 lines of context: the failed command and where it stood. No server paths. */
  traceback: string[];
  /** Sentences and the last lines of the tool's stderr. */
  details: string[];
  class: FailureClass;
  step: string | null;
  tool: string | null;
  exit_code: number | null;
  /** One sentence: what the user can do about it. */
  advice: string;
};
