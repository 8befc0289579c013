import type { RemoteTrouble } from './releases.js';

/** What is taken over of a GenBank record. */
export type GenbankRecord = {
  /** With its version: `NC_016574.1`. */
  accession: string;
  definition: string;
  /** Host of the virus; empty when the record does not tell. */
  host: string;
  /** Bases in upper case, with T for U. */
  sequence: string;
};

/**
 * A record, or why there is none; `not_found` when GenBank does not know the accession, `no_bases` when the record has no sequence of its own.
 */
export type GenbankAnswer =
  | { ok: true; record: GenbankRecord }
  | { ok: false; trouble: RemoteTrouble | { reason: 'no_bases' } };

/** GenBank at NCBI. Each call is one request with a time limit; trouble is a value, nothing is thrown. */
export type GenbankService = { find(accession: string): Promise<GenbankAnswer> };
