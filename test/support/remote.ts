import type { RemoteServices } from '../../src/contracts/releases.js';

const trouble = { ok: false, trouble: { reason: 'unreachable' } } as const;

/** Services outside that cannot be reached; a test gives them the answers that it needs. */
export function unreachableServices(): RemoteServices {
  return { releases: { find: async () => trouble, listSoftware: async () => trouble, download: async () => trouble } };
}
