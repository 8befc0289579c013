import type { IndexFiles } from '../contracts/index_files.js';
import { createGroupStore } from './accounts/groups.js';
import { createKeyStore } from './accounts/keys.js';
import { createLoginAttemptStore } from './accounts/login_attempts.js';
import { createSessionStore } from './accounts/sessions.js';
import { createUserStore } from './accounts/users.js';
import { createAnalysisStore } from './analyses.js';
import { createAuditStore } from './audit.js';
import { createBlastStore } from './blast.js';
import { createCacheStore } from './caches.js';
import { createCompete } from './database/contention.js';
import type { Database } from './database/database.js';
import { createFileStore } from './files.js';
import { createHistoryStore } from './history/history.js';
import { createHistoryRevertStore } from './history/history_reverts.js';
import { createOtuVersionStore } from './history/otu_versions.js';
import { createHmmStatusStore } from './hmms/hmm_status.js';
import { createHmmStore } from './hmms/hmms.js';
import { createIndexBuildStore } from './indexes/index_builds.js';
import { createIndexListStore } from './indexes/index_lists.js';
import { createJobRightStore } from './job_rights.js';
import { createJobStore } from './jobs.js';
import { createOtuCopyStore } from './otus/otu_copies.js';
import { createOtuEditStore } from './otus/otu_edits.js';
import { createOtuExportStore } from './otus/otu_exports.js';
import { createOtuMirrorStore } from './otus/otu_mirrors.js';
import { createOtuRemovalStore } from './otus/otu_removals.js';
import { createOtuStore } from './otus/otus.js';
import { createSequenceStore } from './otus/sequences.js';
import { createProcessRightStore } from './process_rights.js';
import { createProcessStore } from './processes.js';
import { createProvenanceStore } from './provenance.js';
import { createReferenceRightStore } from './references/reference_rights.js';
import { createReferenceSummaryStore } from './references/reference_summaries.js';
import { createReferenceUseStore } from './references/reference_use.js';
import { createReferenceStore } from './references/references.js';
import { createRemoteReferenceStore } from './references/remote_references.js';
import { createReplacementStore } from './samples/replacements.js';
import { createSampleStore } from './samples/samples.js';
import { createSettingsStore } from './settings.js';
import { createStatusStore } from './status.js';
import { createSubtractionStore } from './subtractions.js';

/** Every store module, built on one database. */
export type Store = ReturnType<typeof createStore>;

/** Builds the store modules. Who works with indexes gives `indexFiles`, where what documents cannot hold is kept. */
export function createStore(database: Database, indexFiles?: IndexFiles) {
  const jobs = createJobStore(database);
  const referenceRights = createReferenceRightStore(database);
  const sequences = createSequenceStore(database);
  const otus = createOtuStore(database, sequences);
  const history = createHistoryStore(database);
  const otuVersions = createOtuVersionStore(database, otus, history);
  const otuRemovals = createOtuRemovalStore(database, otus);
  const compete = createCompete(database);
  const users = createUserStore(database);
  const processes = createProcessStore(database);
  const hmmStatus = createHmmStatusStore(database, processes);
  const analyses = createAnalysisStore(database, jobs);
  const files = createFileStore(database);
  const caches = createCacheStore(database, jobs);
  const subtractions = createSubtractionStore(database, jobs, files);
  return {
    database,
    jobs,
    jobRights: createJobRightStore(database, referenceRights),
    sequences,
    otus,
    history,
    otuVersions,
    processes,
    processRights: createProcessRightStore(database, referenceRights),
    otuCopies: createOtuCopyStore(database, processes),
    otuRemovals,
    otuMirrors: createOtuMirrorStore(database, { otus, sequences, otuRemovals, processes }),
    otuEdits: createOtuEditStore(database, { otus, sequences, otuRemovals }, compete),
    otuExports: createOtuExportStore(database, { otus, otuVersions }),
    historyReverts: createHistoryRevertStore(database, { otus, otuVersions }, compete),
    references: createReferenceStore(database),
    remoteReferences: createRemoteReferenceStore(database, processes),
    referenceRights,
    referenceUse: createReferenceUseStore(database, jobs),
    referenceSummaries: createReferenceSummaryStore(database),
    indexLists: createIndexListStore(database, history),
    indexBuilds: createIndexBuildStore(database, { jobs, otus, history, otuVersions }, indexFiles),
    hmmStatus,
    hmms: createHmmStore(database, hmmStatus),
    analyses,
    blast: createBlastStore(database),
    provenance: createProvenanceStore(database),
    files,
    caches,
    subtractions,
    users,
    audit: createAuditStore(database, compete),
    groups: createGroupStore(database, users.settleMembers),
    keys: createKeyStore(database),
    sessions: createSessionStore(database),
    loginAttempts: createLoginAttemptStore(database),
    settings: createSettingsStore(database),
    status: createStatusStore(database),
    samples: createSampleStore(database, { jobs, files, subtractions, analyses, caches }),
    replacements: createReplacementStore(database, { jobs, files, analyses, caches }),
  };
}
