import type { ReleaseAnswer } from '../../contracts/releases.js';
import type { RemoteServices } from '../../contracts/remote.js';
import type { FollowedReference } from '../../store/references/remote_references.js';
import type { ActivityDeps } from '../deps.js';

/** What asking for releases needs. */
export type RemoteDeps = ActivityDeps & { remote: RemoteServices };

/** Asks for the release of a repository. References that know the same one of the same repository share the answer. */
export type AskForRelease = (reference: FollowedReference) => Promise<ReleaseAnswer>;

/** Makes the question, which goes out once for all who ask the same. */
export function createReleaseQuestion({ remote }: RemoteDeps, signal: AbortSignal): AskForRelease {
  const answers = new Map<string, Promise<ReleaseAnswer>>();
  return ({ slug, release }) => {
    const key = JSON.stringify([slug, release?.etag]);
    const answer = answers.get(key) ?? remote.releases.find(slug, { etag: release?.etag, signal });
    answers.set(key, answer);
    return answer;
  };
}

/** Looks for the latest release of a reference and notes what came of it; undefined when GitHub must not be asked yet. */
export async function refreshReference(
  { store, log }: RemoteDeps,
  reference: FollowedReference,
  ask: AskForRelease,
): Promise<ReleaseAnswer | undefined> {
  if (reference.retryAt && reference.retryAt.getTime() > Date.now()) return undefined;
  const answer = await ask(reference);
  await store.remoteReferences.noteAnswer(reference._id, answer);
  if (!answer.ok) log.warn({ referenceId: reference._id, trouble: answer.trouble }, 'release of a reference not found');
  return answer;
}
