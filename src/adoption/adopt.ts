import { join, relative } from 'node:path';
import { COLLECTIONS } from '../store/database/database.js';
import { isThere, namesIn, SET_ASIDE } from './paths.js';
import type { Finding, Rule, Site } from './rule.js';
import { deadSessions, keysOfNobody, unknownPasswords } from './rules/accounts.js';
import { unknownCaches, unknownIndexes, unknownLogs, unknownSamples, unknownSubtractions } from './rules/folders.js';
import { foreignIds, unsafeIds } from './rules/ids.js';
import { indexFiles, lostChanges, unfinishedIndexes } from './rules/indexes.js';
import { analysisJobs, endedReplacements, unfinishedJobs } from './rules/jobs.js';
import { lostHmms, lostIndexes, lostReads, lostResults, lostSubtractions } from './rules/losses.js';
import { stuckUpdates, unfinishedProcesses } from './rules/processes.js';
import { deadCaches, unfinishedAnalyses, unfinishedSamples, unfinishedSubtractions } from './rules/products.js';
import { changedUploads, lostUploads, unfinishedUploads, unknownUploads } from './rules/uploads.js';

/** All rules in the order in which they are applied: jobs decide about what they make, and documents about files. */
const RULES: readonly Rule[] = [
  analysisJobs,
  unfinishedJobs,
  endedReplacements,
  unfinishedSamples,
  unfinishedSubtractions,
  unfinishedIndexes,
  lostChanges,
  unfinishedAnalyses,
  deadCaches,
  unfinishedProcesses,
  stuckUpdates,
  keysOfNobody,
  deadSessions,
  unknownPasswords,
  unfinishedUploads,
  lostUploads,
  changedUploads,
  unknownUploads,
  unknownSamples,
  unknownCaches,
  unknownSubtractions,
  unknownIndexes,
  unknownLogs,
  indexFiles,
  lostReads,
  lostResults,
  lostSubtractions,
  lostIndexes,
  lostHmms,
  foreignIds,
  unsafeIds,
];

const SHOWN_IDS = 5;
const FOLDERS = ['files', 'samples', 'caches', 'subtractions', 'references', join('logs', 'jobs'), SET_ASIDE];

/** What one rule found and did. */
export type RuleReport = {
  rule: string;
  title: string;
  action: string;
  found: number;
  repaired: number;
  /** What is still as it was found: in a dry run all of it. */
  left: number;
  /** Those of `left` that a run without `dry_run` would repair. */
  repairable: number;
  /** The first ids. */
  ids: string[];
};

/** Number of documents or files, before and after. */
export type Change = { before: number; after: number };

/** What an adoption found and did. */
export type AdoptionReport = {
  dry_run: boolean;
  database: string;
  data_path: string;
  /** Where files were moved to, relative to the data directory; null when none were. */
  set_aside: string | null;
  rules: RuleReport[];
  /** By collection. */
  documents: Record<string, Change>;
  /** By folder of the data directory: what lies directly in it. */
  files: Record<string, Change>;
};

/** How an adoption is run. */
export type AdoptionOptions = {
  dryRun: boolean;
  /** What {@link Site.setAside} moves files to. */
  setAsideFolder: string;
  signal: AbortSignal;
  /** Told before each rule. */
  onRule?: (rule: Rule) => void;
};

/**
 * Puts in order what release 3.7.3 left in database and data directory, also amid its jobs, and tells what it found. Nobody else may be
 * at work there. Cut off at any moment it can be run again, and ends as if it had not been; on what is in order it does nothing.
 *
 * @throws the signal's reason between two repairs, and whatever a repair throws; what was repaired until then stays so.
 */
export async function adopt(site: Site, options: AdoptionOptions): Promise<AdoptionReport> {
  const documents = await countDocuments(site);
  const files = await countFiles(site);
  const rules: RuleReport[] = [];
  for (const rule of RULES) {
    options.onRule?.(rule);
    rules.push(await apply(rule, site, options));
  }
  const moved = (await isThere(options.setAsideFolder)) ? relative(site.data.root, options.setAsideFolder) : null;
  return {
    dry_run: options.dryRun,
    database: site.store.database.db.databaseName,
    data_path: site.data.root,
    set_aside: moved,
    rules,
    documents: changes(documents, options.dryRun ? documents : await countDocuments(site)),
    files: changes(files, options.dryRun ? files : await countFiles(site)),
  };
}

async function apply(rule: Rule, site: Site, { dryRun, signal }: AdoptionOptions): Promise<RuleReport> {
  const report = { rule: rule.name, title: rule.title, action: rule.action };
  const counts = { found: 0, repaired: 0, left: 0, repairable: 0 };
  const ids: string[] = [];
  for await (const finding of rule.find(site)) {
    signal.throwIfAborted();
    counts.found += 1;
    if (ids.length < SHOWN_IDS) ids.push(finding.id);
    if (finding.repair && !dryRun) {
      await repair(rule, finding as Required<Finding>);
      counts.repaired += 1;
    } else {
      counts.left += 1;
      if (finding.repair) counts.repairable += 1;
    }
  }
  return { ...report, ...counts, ids };
}

async function repair({ title }: Rule, finding: Required<Finding>): Promise<void> {
  try {
    await finding.repair();
  } catch (cause) {
    throw new Error(`${title}: ${finding.id} cannot be put in order: ${(cause as Error).message}`, { cause });
  }
}

type Counts = Record<string, number>;

async function countDocuments({ store }: Site): Promise<Counts> {
  const counts: Counts = {};
  for (const name of COLLECTIONS) counts[name] = await store.database.db.collection(name).countDocuments();
  return counts;
}

async function countFiles({ data }: Site): Promise<Counts> {
  const counts: Counts = {};
  for (const folder of FOLDERS) {
    counts[folder] = 0;
    for await (const _ of namesIn(join(data.root, folder))) counts[folder] += 1;
  }
  return counts;
}

function changes(before: Counts, after: Counts): Record<string, Change> {
  const entries = Object.entries(before).map(([name, count]) => [name, { before: count, after: after[name] ?? 0 }]);
  return Object.fromEntries(entries);
}
