import type { RemoteServices } from '../../src/contracts/remote.js';

const trouble = { ok: false, trouble: { reason: 'unreachable' } } as const;

/** Services outside that cannot be reached; a test gives them the answers that it needs. */
export function unreachableServices(): RemoteServices {
  const fail = async () => trouble;
  return {
    releases: { find: fail, listSoftware: fail, download: fail },
    blast: { submit: fail, status: fail, result: fail },
    genbank: { find: fail },
  };
}
