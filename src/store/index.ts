import { createAnalysisStore } from './analyses.js';
import { createCacheStore } from './caches.js';
import type { Database } from './database.js';
import { createFileStore } from './files.js';
import { createHistoryStore } from './history.js';
import { createIndexBuildStore } from './index_builds.js';
import { createJobStore } from './jobs.js';
import { createOtuVersionStore } from './otu_versions.js';
import { createOtuStore } from './otus.js';
import { createSampleStore } from './samples.js';
import { createSequenceStore } from './sequences.js';
import { createSubtractionStore } from './subtractions.js';

/** Every store module, built on one database. */
export type Store = ReturnType<typeof createStore>;

/** Builds the store modules. */
export function createStore(database: Database) {
  const jobs = createJobStore(database);
  const sequences = createSequenceStore(database);
  const otus = createOtuStore(database, sequences);
  const history = createHistoryStore(database);
  const otuVersions = createOtuVersionStore(database, otus, history);
  const analyses = createAnalysisStore(database, jobs);
  const files = createFileStore(database);
  const caches = createCacheStore(database, jobs);
  const subtractions = createSubtractionStore(database, jobs, files);
  return {
    database,
    jobs,
    sequences,
    otus,
    history,
    otuVersions,
    indexBuilds: createIndexBuildStore(database, { jobs, otus, history, otuVersions }),
    analyses,
    files,
    caches,
    subtractions,
    samples: createSampleStore(database, { jobs, files, subtractions, analyses, caches }),
  };
}
