import type { RemoteServices } from '../contracts/releases.js';
import type { Outgoing } from './http.js';
import { createReleaseService, type ReleaseAddresses } from './releases.js';

/** The clients of all services outside. */
export function createRemoteServices(outgoing: Outgoing, addresses: ReleaseAddresses): RemoteServices {
  return { releases: createReleaseService(outgoing, addresses) };
}
