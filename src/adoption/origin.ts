import { join } from 'node:path';
import type { Database, Stored } from '../store/database/database.js';
import type { Store } from '../store/index.js';
import { compareVersions } from '../store/semantic_version.js';
import { eachDocument, inBatches } from './documents.js';
import { isEmpty, isThere, pathOf } from './paths.js';
import type { Site } from './rule.js';

/** Why something cannot be adopted, and what the operator can do. */
export type Obstacle = { problem: string; cure: string };

/** Release 3.8 changed the documents. */
const AFTER_THE_ORIGINAL = 'v3.8.0-0';
const BEFORE_THE_ORIGINAL = 'v3.0.0';
/** Collections that only later releases of the original have. */
const LATER_COLLECTIONS = ['labels', 'migrations', 'revisions'];
const DATA_FOLDERS = ['files', 'samples', 'references', 'subtractions'];
const LOOKED_AT = 500;

/** What keeps a database from being adopted by this version of the server; undefined when nothing does. Reads only. */
export async function findObstacle(site: Site, version: string): Promise<Obstacle | undefined> {
  return (await judgeDatabase(site.store.database, version)) ?? (await judgeFolder(site));
}

async function judgeDatabase(database: Database, own: string): Promise<Obstacle | undefined> {
  const name = database.db.databaseName;
  const status = database.collection<Stored & { version?: unknown }>('status');
  const software = await status.findOne({ _id: 'software' });
  const marks = [
    software,
    await status.findOne({ _id: 'hmm' }),
    await database.collection('settings').findOne({ _id: 'settings' }),
  ];
  if (marks.every((mark) => mark === null)) {
    const problem = `The database ${name} is not one of Virtool, or it is empty`;
    return { problem, cure: 'Give the connection string with --db and the name of the database with --db-name.' };
  }
  const version = typeof software?.version === 'string' ? software.version : '';
  const found = await database.db.listCollections({}, { nameOnly: true }).toArray();
  const later = found.map((collection) => collection.name).filter((each) => LATER_COLLECTIONS.includes(each));
  if (isNewer(version, own) || later.length > 0) {
    const mark = isNewer(version, own) ? `version ${version}` : `it has the collection ${later.sort().join(', ')}`;
    const problem = `The database ${name} is of a newer release than can be adopted: ${mark}`;
    return {
      problem,
      cure: 'Release 3.7.3 and the versions of this server up to this one can be. Restore a backup of that time.',
    };
  }
  if (isOriginal(version) && (compareVersions(version, BEFORE_THE_ORIGINAL) ?? 0) < 0) {
    const problem = `The database ${name} is of release ${version}, which is too old`;
    return { problem, cure: 'Start release 3.7.3 on it once, which brings it up to date, and stop that again.' };
  }
  return undefined;
}

// The versions of this server have begun again at 0.
function isOriginal(version: string): boolean {
  return /^v?[1-9]\./.test(version);
}

function isNewer(version: string, own: string): boolean {
  const limit = isOriginal(version) ? AFTER_THE_ORIGINAL : own;
  const difference = compareVersions(version, limit) ?? 0;
  return isOriginal(version) ? difference >= 0 : difference > 0;
}

async function judgeFolder(site: Site): Promise<Obstacle | undefined> {
  const { data, store } = site;
  const cure = 'Give the data directory of that server with --data-path, and mount its disks.';
  for (const name of DATA_FOLDERS) {
    if (await isThere(join(data.root, name))) continue;
    return { problem: `${data.root} is not the data directory of a Virtool server: it has no folder ${name}`, cure };
  }
  if (
    (await isEmpty(data.files)) &&
    (await store.files.collection.countDocuments({ created: true }, { limit: 1 })) > 0
  ) {
    return { problem: `The folder ${data.files} is empty, but the database knows uploads`, cure };
  }
  if (await hasForeignSamples(site)) {
    return { problem: `The samples of the database do not lie in ${data.root}`, cure };
  }
  return undefined;
}

/** Whether there are samples, and none of the first ones has a folder: another database, or a disk that is not mounted. */
async function hasForeignSamples({ store, data }: { store: Store; data: Site['data'] }): Promise<boolean> {
  const imported = eachDocument(store.samples.collection, { imported: { $ne: 'ip' } }, { _id: 1 });
  for await (const batch of inBatches(imported)) {
    for (const { _id } of batch.slice(0, LOOKED_AT)) {
      const path = pathOf(() => data.sample(_id));
      if (path !== undefined && (await isThere(path))) return false;
    }
    return true;
  }
  return false;
}
