import { createAnalysisStore } from './analyses.js';
import { createCacheStore } from './caches.js';
import { createCompete } from './contention.js';
import type { Database } from './database.js';
import { createFileStore } from './files.js';
import { createGroupStore } from './groups.js';
import { createHistoryStore } from './history.js';
import { createHistoryRevertStore } from './history_reverts.js';
import { createHmmStatusStore } from './hmm_status.js';
import { createHmmStore } from './hmms.js';
import { createIndexBuildStore } from './index_builds.js';
import { createIndexListStore } from './index_lists.js';
import { createJobStore } from './jobs.js';
import { createKeyStore } from './keys.js';
import { createLoginAttemptStore } from './login_attempts.js';
import { createOtuCopyStore } from './otu_copies.js';
import { createOtuEditStore } from './otu_edits.js';
import { createOtuExportStore } from './otu_exports.js';
import { createOtuRemovalStore } from './otu_removals.js';
import { createOtuVersionStore } from './otu_versions.js';
import { createOtuStore } from './otus.js';
import { createProcessStore } from './processes.js';
import { createReferenceSummaryStore } from './reference_summaries.js';
import { createReferenceUseStore } from './reference_use.js';
import { createReferenceStore } from './references.js';
import { createSampleStore } from './samples.js';
import { createSequenceStore } from './sequences.js';
import { createSessionStore } from './sessions.js';
import { createSettingsStore } from './settings.js';
import { createStatusStore } from './status.js';
import { createSubtractionStore } from './subtractions.js';
import { createUserStore } from './users.js';

/** Every store module, built on one database. */
export type Store = ReturnType<typeof createStore>;

/** Builds the store modules. */
export function createStore(database: Database) {
  const jobs = createJobStore(database);
  const sequences = createSequenceStore(database);
  const otus = createOtuStore(database, sequences);
  const history = createHistoryStore(database);
  const otuVersions = createOtuVersionStore(database, otus, history);
  const otuRemovals = createOtuRemovalStore(database, otus);
  const compete = createCompete(database);
  const processes = createProcessStore(database);
  const hmmStatus = createHmmStatusStore(database, processes);
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
    processes,
    otuCopies: createOtuCopyStore(database, processes),
    otuRemovals,
    otuEdits: createOtuEditStore(database, { otus, otuRemovals }, compete),
    otuExports: createOtuExportStore(database, { otus, otuVersions }),
    historyReverts: createHistoryRevertStore(database, { otus, otuVersions }, compete),
    references: createReferenceStore(database),
    referenceUse: createReferenceUseStore(database, jobs),
    referenceSummaries: createReferenceSummaryStore(database),
    indexLists: createIndexListStore(database, history),
    indexBuilds: createIndexBuildStore(database, { jobs, otus, history, otuVersions }),
    hmmStatus,
    hmms: createHmmStore(database, hmmStatus),
    analyses,
    files,
    caches,
    subtractions,
    users: createUserStore(database),
    groups: createGroupStore(database),
    keys: createKeyStore(database),
    sessions: createSessionStore(database),
    loginAttempts: createLoginAttemptStore(database),
    settings: createSettingsStore(database),
    status: createStatusStore(database),
    samples: createSampleStore(database, { jobs, files, subtractions, analyses, caches }),
  };
}
