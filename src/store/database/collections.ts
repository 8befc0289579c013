/** A document whose id is text, as in every collection of ours. */
export type Stored = { _id: string };

/** Every collection of the server. */
export const COLLECTIONS = [
  'analyses',
  'audit',
  'caches',
  'files',
  'groups',
  'history',
  'hmm',
  'indexes',
  'jobs',
  'keys',
  'locks',
  'login_attempts',
  'otus',
  'processes',
  'references',
  'samples',
  'sequences',
  'sessions',
  'settings',
  'status',
  'subtraction',
  'users',
] as const;
export type CollectionName = (typeof COLLECTIONS)[number];
