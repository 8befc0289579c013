/** A kind of periodic work as it is scheduled. */
type Housekeeping = {
  cron: string;
  title: string;
  /** Asks services outside; left out when the server is not to refresh. Also done once when a control worker starts. */
  remote?: true;
};

/** Periodic work that keeps documents, files and workflows in step; each kind is a Temporal schedule. */
export const HOUSEKEEPING = {
  /** Compares unfinished jobs, processes and BLASTs with Temporal and repairs both directions. */
  reconcile: { cron: '* * * * *', title: 'Reconcile jobs with Temporal' },
  /** Removes expired files and what broken uploads left, and keeps documents and the files folder in step. */
  expire_files: { cron: '*/15 * * * *', title: 'Expire files, sync the files folder' },
  /** Removes reads that were replaced, once nobody works on them, and processes that ended long ago. */
  prune: { cron: '*/15 * * * *', title: 'Remove replaced reads and old processes' },
  /** Removes what former installations of HMM data left. */
  sweep_hmms: { cron: '*/15 * * * *', title: 'Remove former HMM data' },
  /** Asks for the latest release of HMM data. */
  refresh_hmms: { cron: '*/10 * * * *', title: 'Look for new HMM data', remote: true },
  /** Asks for the latest releases of remote references. */
  refresh_references: { cron: '*/10 * * * *', title: 'Look for new releases of remote references', remote: true },
  /** Asks for newer releases of the server. */
  refresh_software: { cron: '0 */12 * * *', title: 'Look for new releases of the server', remote: true },
} as const satisfies Record<string, Housekeeping>;

/** A kind of periodic work. */
export type HousekeepingKind = keyof typeof HOUSEKEEPING;

/** Activities of the workflow `housekeeping`, on `control`. */
export type HousekeepingActivities = {
  /** Does one round; gives a sentence about what was changed. */
  keepHouse(input: { kind: HousekeepingKind }): Promise<string>;
};
