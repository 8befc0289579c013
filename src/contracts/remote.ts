import type { BlastService } from './blast.js';
import type { GenbankService } from './genbank.js';
import type { ReleaseService } from './releases.js';

/** All services outside that the server asks. */
export type RemoteServices = { releases: ReleaseService; blast: BlastService; genbank: GenbankService };
