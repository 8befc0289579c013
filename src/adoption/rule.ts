import type { ActivityDeps } from '../activities/deps.js';
import type { UndoByTask } from '../activities/upkeep/reconcile_jobs.js';

/** What rules work on. Nobody else works on database and data directory meanwhile. */
export type Site = ActivityDeps & {
  /** Removes what a job made. */
  undo: UndoByTask;
  /** Moves a file or folder of the data directory out of the way; see `createSetAside`. */
  setAside(path: string): Promise<void>;
};

/** One thing that is not as it should be. Without a repair only people can put it right. */
export type Finding = {
  id: string;
  /** May be cut off at any write: the next run finds the thing again, or nothing left of it to do. */
  repair?: () => Promise<void>;
};

/** One concern of an adoption: what is looked for, and what is done about it. */
export type Rule = {
  /** In snake case; the key in reports for programs. */
  name: string;
  /** What is found, for people. */
  title: string;
  /** What becomes of it. */
  action: string;
  /** Reads only, in bounded memory, in the order of ids. Finds nothing that has been repaired. */
  find(site: Site): AsyncIterable<Finding>;
};
