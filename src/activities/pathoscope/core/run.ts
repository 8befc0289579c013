import { runThread, type ThreadOptions } from '../../threads.js';
import type { CoreResults, CoreTask, ThreadData } from './tasks.js';

/** How a task is run; `input` is the descriptor of the aligner's output, which the thread reads to its end. */
export type CoreOptions = ThreadOptions & { input?: number };

/** Runs a task of the core in a thread of its own; see `runThread` for how it ends. */
export async function runCore<T extends CoreTask>(
  task: T,
  { input, ...options }: CoreOptions,
): Promise<CoreResults[T['task']]> {
  const data: ThreadData = { task, input };
  return runThread<CoreResults[T['task']]>('#pathoscope-thread', task.task, data, options);
}
