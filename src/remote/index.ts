import type { RemoteServices } from '../contracts/remote.js';
import { createBlastService } from './blast.js';
import { createGenbankService } from './genbank.js';
import type { Outgoing } from './http.js';
import { createReleaseService, type ReleaseAddresses } from './releases.js';

/** Where the services outside are. */
export type RemoteAddresses = ReleaseAddresses & {
  /** NCBI BLAST: the address of its `Blast.cgi`. */
  blastUrl: string;
  /** GenBank: the address of `efetch.fcgi`, and whom NCBI may write to. */
  genbankUrl: string;
  genbankEmail?: string | undefined;
};

/** The clients of all services outside. */
export function createRemoteServices(outgoing: Outgoing, addresses: RemoteAddresses): RemoteServices {
  return {
    releases: createReleaseService(outgoing, addresses),
    blast: createBlastService(outgoing, addresses.blastUrl),
    genbank: createGenbankService(outgoing, addresses.genbankUrl, addresses.genbankEmail),
  };
}
