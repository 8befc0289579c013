import type { RemoteServices } from '../contracts/remote.js';
import { createBlastService } from './blast.js';
import type { Outgoing } from './http.js';
import { createReleaseService, type ReleaseAddresses } from './releases.js';

/** Where the services outside are. */
export type RemoteAddresses = ReleaseAddresses & {
  /** NCBI BLAST: the address of its `Blast.cgi`. */
  blastUrl: string;
};

/** The clients of all services outside. */
export function createRemoteServices(outgoing: Outgoing, addresses: RemoteAddresses): RemoteServices {
  return {
    releases: createReleaseService(outgoing, addresses),
    blast: createBlastService(outgoing, addresses.blastUrl),
  };
}
