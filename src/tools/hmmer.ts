import { type ToolCommand, threadCount } from './command.js';

/** A search for profile HMMs in proteins. */
export type ProfileSearch = {
  /** The profiles: a file of HMMER, text or pressed. */
  profiles: string;
  /** FASTA file with the proteins; not empty, as HMMER fails on that. */
  proteins: string;
  /** Gets the table of hits. */
  table: string;
  /** Number of all profiles, of which the file may hold a part: E-values are made for this many. */
  databaseSize: number;
};

/**
 * Searches proteins profile by profile, on one core. Hits, scores and E-values are those of hmmscan, which reads all profiles again for
 * every protein; the table goes by profile.
 */
export function searchProfiles({ profiles, proteins, table, databaseSize }: ProfileSearch): ToolCommand {
  const size = ['-Z', String(databaseSize)];
  return { argv: ['hmmsearch', '--tblout', table, '--noali', '--cpu', '0', ...size, profiles, proteins] };
}

/** Searches proteins one by one; `profiles` must be pressed. The table goes by protein. */
export function scanProteins(search: ProfileSearch & { threads: number }): ToolCommand {
  const { profiles, proteins, table, databaseSize } = search;
  const flags = ['--cpu', threadCount(search.threads), '-Z', String(databaseSize)];
  return { argv: ['hmmscan', '--tblout', table, '--noali', ...flags, profiles, proteins] };
}
