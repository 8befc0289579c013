import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The first MongoDB version that knows each operator, stage and expression that the server sends. Those that are older than 2.6
 * are noted as 2.6.
 */
export const OPERATORS: Readonly<Record<string, string>> = {
  $match: '2.6',
  $group: '2.6',
  $project: '2.6',
  $sort: '2.6',
  $and: '2.6',
  $or: '2.6',
  $nor: '2.6',
  $not: '2.6',
  $in: '2.6',
  $nin: '2.6',
  $ne: '2.6',
  $eq: '3.0',
  $gt: '2.6',
  $gte: '2.6',
  $lt: '2.6',
  $lte: '2.6',
  $exists: '2.6',
  $type: '2.6',
  $regex: '2.6',
  $options: '2.6',
  $elemMatch: '2.6',
  $expr: '3.6',
  $set: '2.6',
  $setOnInsert: '2.6',
  $unset: '2.6',
  $inc: '2.6',
  $push: '2.6',
  $pull: '2.6',
  $each: '2.6',
  $rename: '2.6',
  $sum: '2.6',
  $min: '2.6',
  $max: '2.6',
  $ifNull: '2.6',
  $map: '2.6',
  $literal: '2.6',
  $allElementsTrue: '2.6',
  $toLower: '2.6',
  $concatArrays: '3.2',
  $indexOfCP: '3.4',
  $substrCP: '3.4',
  $objectToArray: '3.4.4',
};

/** The keys of each command that is sent, all of API version 1, without what every command may have. */
export const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  abortTransaction: [],
  aggregate: ['pipeline', 'cursor'],
  commitTransaction: [],
  createIndexes: ['indexes'],
  delete: ['deletes', 'ordered'],
  endSessions: [],
  find: ['filter', 'sort', 'projection', 'skip', 'limit', 'batchSize', 'singleBatch'],
  findAndModify: ['query', 'update', 'fields', 'new', 'upsert', 'remove', 'sort', 'arrayFilters'],
  getMore: ['collection', 'batchSize', 'maxTimeMS'],
  hello: [],
  insert: ['documents', 'ordered'],
  killCursors: ['cursors'],
  listCollections: ['cursor', 'filter', 'nameOnly', 'authorizedCollections'],
  ping: [],
  update: ['updates', 'ordered'],
};

/** What the driver may add to every command. */
export const COMMON_KEYS = ['$db', 'lsid', '$clusterTime', 'txnNumber', 'startTransaction', 'autocommit'] as const;

/** What else may stand in a command outside of a transaction, in its first command, and at its end. */
export const CONCERNS = ['writeConcern', 'readConcern', '$readPreference'] as const;

const FOLDERS = ['store', 'activities', 'api/dispatch', 'workers', 'commands'];

/** The operators that stand in the code, by name, each with one of the files that it stands in. */
export function operatorsInCode(root: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const folder of FOLDERS) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue;
      const file = join(folder, name);
      const code = readFileSync(join(root, file), 'utf8').replace(/^\s*(\/\/|\*|\/\*\*).*$/gm, '');
      // Not in quotes, where they are fields of documents, unless they are keys.
      for (const match of code.matchAll(/(?<![\w'"`$\\])(\$[a-zA-Z]+)\b|'(\$[a-zA-Z]+)':/g)) {
        found.set(match[1] ?? match[2] ?? '', file);
      }
    }
  }
  return found;
}
