/** Periodic work that keeps documents, files and workflows in step; each kind is a Temporal schedule. */
export const HOUSEKEEPING = {
  /** Compares unfinished jobs and processes with Temporal and repairs both directions. */
  reconcile: { cron: '* * * * *', title: 'Reconcile jobs with Temporal' },
  /** Removes expired files and what broken uploads left, and keeps documents and the files folder in step. */
  expire_files: { cron: '*/15 * * * *', title: 'Expire files, sync the files folder' },
} as const;

/** A kind of periodic work. */
export type HousekeepingKind = keyof typeof HOUSEKEEPING;

/** Activities of the workflow `housekeeping`, on `control`. */
export type HousekeepingActivities = {
  /** Does one round; gives a sentence about what was changed. */
  keepHouse(input: { kind: HousekeepingKind }): Promise<string>;
};
