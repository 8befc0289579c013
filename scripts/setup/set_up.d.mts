/** What `dist/` is for the sources of the moment: `current`, `stale`, or `missing` (also when a build was cut). */
export function buildState(): 'current' | 'stale' | 'missing';
