import type { JobState } from '../../contracts/jobs.js';
import type { JobDocument } from '../../store/jobs.js';
import { withId } from '../http/json.js';

/** A job in the form of the wire: all but what the server keeps for itself. */
export function toWireJob(document: JobDocument) {
  const {
    step: _step,
    cancel_requested: _cancel,
    undoing: _undoing,
    created_at: _at,
    ended: _ended,
    ...job
  } = document;
  return withId(job);
}

const FAILED = ['error', 'cancelled'] as const;

/** The states that a `filter` of ended jobs means: no state for a word that is none. */
export function statesOfFilter(filter: string | undefined): readonly JobState[] {
  switch (filter) {
    case undefined:
    case 'finished':
      return ['complete', ...FAILED];
    case 'complete':
      return ['complete'];
    case 'failed':
      return FAILED;
    default:
      return [];
  }
}
