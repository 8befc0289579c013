import { ApplicationFailure } from '@temporalio/activity';
import type { ProcessError } from '../../contracts/processes.js';
import { serialId } from '../../store/database/ids.js';
import { batches, type CopyTarget, copyOtu, type SourceOtu } from '../../store/otus/otu_copies.js';
import type { ProcessProgress } from '../../store/processes.js';
import type { ActivityDeps } from '../deps.js';
import { readAhead } from '../parallel.js';
import type { NoteOffset } from '../process_support.js';

/** What to copy for a process, and which part of its progress that is. */
export type CopyTask = {
  processId: string;
  target: CopyTarget;
  /** The OTUs from number `done` on, always in the same order. */
  otus: Iterable<SourceOtu> | AsyncIterable<SourceOtu>;
  /** OTUs that a former run has copied already. */
  done: number;
  total: number;
  step: string;
  range: { start: number; width: number };
  note: NoteOffset;
};

/**
 * Copies OTUs with their sequences and history into a reference, batch by batch; each batch and the note that it is done
 * are one transaction, so that a second run goes on exactly there. Their ids sort as the OTUs come: files for aligners are sorted by id,
 * and an aligner's choice between equal hits follows the order of the sequences, which so is that of the source.
 *
 * @throws ApplicationFailure, to be tried again, when another run overtook this one or the process ended meanwhile.
 */
export async function copyOtus(deps: ActivityDeps, task: CopyTask, signal: AbortSignal): Promise<void> {
  let done = task.done;
  for await (const batch of readAhead(batches(task.otus))) {
    signal.throwIfAborted();
    const first = done;
    const copies = batch.map((otu, i) => copyOtu(otu, serialId(task.processId, first + i), task.target));
    const progress = wireProgress(task, done + batch.length);
    const inserted = await deps.store.otuCopies.insertBatch(task.processId, done, copies, progress);
    // A run whose heartbeats were lost may still write beside the next one; the later try goes on from the marker.
    if (!inserted)
      throw ApplicationFailure.create({ type: 'Overtaken', message: 'The process is further, or has ended' });
    done += batch.length;
    task.note(done);
  }
}

/**
 * Progress and count in the wire's form: progress moves in steps of one hundredth, and the count is that of the OTU that
 * moved it last.
 */
export function wireProgress(
  { step, range, total }: Pick<CopyTask, 'step' | 'range' | 'total'>,
  done: number,
): ProcessProgress & { count: number } {
  const hundredths = (count: number) => Math.round((count / total) * range.width * 100);
  const reached = hundredths(done);
  let count = done;
  while (count > 0 && hundredths(count - 1) === reached) count -= 1;
  return { step, count, progress: range.start + reached / 100 };
}

/** Removes the reference that a failed process was filling, with all in it; the process keeps the errors. */
export async function undoCopy(deps: ActivityDeps, processId: string, errors: ProcessError[]): Promise<void> {
  const { store } = deps;
  const process = await store.processes.get(processId);
  if (!process || !(await store.processes.close(processId))) return;
  const referenceId = process.context.ref_id;
  if (referenceId !== undefined) {
    await store.database.transaction((session) => store.references.remove(referenceId, session));
    await store.otuRemovals.removeAll(referenceId);
  }
  await store.processes.fail(processId, errors);
  deps.log.info({ processId, referenceId, error: errors[0]?.id }, 'process failed, reference removed');
}
