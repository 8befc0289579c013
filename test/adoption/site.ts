import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BSON, type Db } from 'mongodb';
import { createUndo } from '../../src/activities/undo.js';
import { type AdoptionReport, adopt } from '../../src/adoption/adopt.js';
import { createSetAside, setAsideFolder } from '../../src/adoption/paths.js';
import type { Site } from '../../src/adoption/rule.js';
import { createDataDirectory } from '../../src/files/data_directory.js';
import { type Database, openDatabase } from '../../src/store/database/database.js';
import { createStore } from '../../src/store/index.js';
import { quietLogger } from '../support/logger.js';

/** The day of the adoption, so that its folder has the same name in all runs. */
const DAY = new Date('2026-01-02T03:04:05Z');

/** Opens a database and data directory for an adoption, as the command does. */
export function siteOf(database: Database, dataPath: string): { site: Site; setAsideFolder: string } {
  const data = createDataDirectory(dataPath);
  const deps = { store: createStore(database), data, log: quietLogger, version: 'v0.1.0' };
  const folder = setAsideFolder(data, DAY);
  return { site: { ...deps, undo: createUndo(deps), setAside: createSetAside(data, folder) }, setAsideFolder: folder };
}

/** Runs an adoption from the begin to the end. */
export async function runAdoption(
  { url, name, dataPath }: { url: string; name: string; dataPath: string },
  options: { dryRun?: boolean } = {},
): Promise<AdoptionReport> {
  const database = await openDatabase({ url, name });
  try {
    const { site, setAsideFolder: folder } = siteOf(database, dataPath);
    const signal = new AbortController().signal;
    return await adopt(site, { dryRun: options.dryRun ?? false, setAsideFolder: folder, signal });
  } finally {
    await database.close();
  }
}

/** What the rules found, by rule; those that found nothing are left out. */
export function foundBy({ rules }: AdoptionReport): Record<string, string[]> {
  return Object.fromEntries(rules.filter(({ found }) => found > 0).map(({ rule, ids }) => [rule, ids]));
}

/** The whole database as text, a line for each document. */
export async function dumpDatabase(db: Db): Promise<string[]> {
  const names = (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name).sort();
  const lines: string[] = [];
  for (const name of names) {
    const documents = await db.collection(name).find().toArray();
    lines.push(...documents.map((document) => `${name} ${BSON.EJSON.stringify(document, { relaxed: false })}`).sort());
  }
  return lines;
}

/** Every file and folder as text: path, time of the last change when asked for, and a hash of the content. */
export function dumpTree(root: string, options: { times: boolean }): string[] {
  if (!existsSync(root)) return [];
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
  return names.map((name) => {
    const entry = lstatSync(join(root, name));
    const content = entry.isFile()
      ? createHash('sha256')
          .update(readFileSync(join(root, name)))
          .digest('hex')
      : 'folder';
    return [name, ...(options.times ? [entry.mtimeMs] : []), content].join(' ');
  });
}
