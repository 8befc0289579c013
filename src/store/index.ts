import type { Database } from './database.js';
import { createJobStore } from './jobs.js';

/** Every store module, built on one database. */
export type Store = ReturnType<typeof createStore>;

/** Builds the store modules. */
export function createStore(database: Database) {
  return {
    database,
    jobs: createJobStore(database),
  };
}
