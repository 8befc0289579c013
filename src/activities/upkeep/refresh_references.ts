import { createReleaseQuestion, type RemoteDeps, refreshReference } from '../references/refresh.js';
import type { Round } from './round.js';

/** Looks for the latest releases of all remote references; trouble with one of them leaves the others their turn. */
export async function refreshReferences(
  deps: RemoteDeps,
  round: Round,
): Promise<{ asked: number; waiting: number; troubled: number }> {
  const result = { asked: 0, waiting: 0, troubled: 0 };
  const ask = createReleaseQuestion(deps, round.signal);
  for (const reference of await deps.store.remoteReferences.followed()) {
    await round.attempt(`reference ${reference._id}`, async () => {
      const answer = await refreshReference(deps, reference, ask);
      if (answer === undefined) result.waiting += 1;
      else result[answer.ok ? 'asked' : 'troubled'] += 1;
    });
  }
  return result;
}
