import type { HmmStatus } from '../../store/hmms/hmm_status.js';
import type { HmmDocument } from '../../store/hmms/hmms.js';
import { withId } from '../http/json.js';

/** An HMM in the form of the wire. */
export function toWireHmm({ installation: _, ...hmm }: HmmDocument): Record<string, unknown> {
  return withId(hmm);
}

/** What is installed and known, in the form of the wire; `updating` while an installation is in progress. */
export function toWireStatus(status: HmmStatus, updating: boolean): Record<string, unknown> {
  const { updates: _, installation: __, ...shown } = status;
  return { id: 'hmm', ...shown, updating };
}
