import type { CommandStartedEvent } from 'mongodb';
import { type Database, openDatabase } from '../../src/store/database/database.js';
import { COMMANDS, COMMON_KEYS, CONCERNS, OPERATORS } from './operators.js';

type Sent = Pick<CommandStartedEvent, 'commandName' | 'command'>;

const ENDS = ['commitTransaction', 'abortTransaction'];
const IN_TRANSACTIONS = ['find', 'insert', 'update', 'delete', 'findAndModify', 'aggregate', 'getMore', ...ENDS];
/** What the driver makes of `watch` and `countDocuments`. */
const MADE_BY_DRIVER = ['$changeStream', '$limit', '$skip', '$readPreference'];
/** What only tests send; `commands.test.ts` keeps it out of the code. */
export const OF_TESTS = ['distinct', 'dropDatabase'];
const NEVER = ['collation', '$where', '$function', '$accumulator', '$text'];

/**
 * Why some server of the supported versions may refuse a command; empty when none does. Commands and their keys have to be those of API version 1
 * that were looked up, operators too; a transaction makes no collections, and has its concerns in its first command and its end alone.
 */
export function objections({ commandName, command }: Sent): string[] {
  const known: readonly string[] = [commandName, ...(COMMANDS[commandName] ?? []), ...COMMON_KEYS, ...CONCERNS];
  if (OF_TESTS.includes(commandName)) return [];
  if (!(commandName in COMMANDS)) return [`${commandName}: unknown`];
  const found = Object.keys(command)
    .filter((key) => !known.includes(key))
    .map((key) => `${commandName}: the key ${key}`);
  const { operators, hasPattern } = namesIn(command);
  for (const name of operators) {
    if (NEVER.includes(name) || !(name in OPERATORS || MADE_BY_DRIVER.includes(name)))
      found.push(`${commandName}: ${name}`);
  }
  if (hasPattern) found.push(`${commandName}: a regular expression of the language`);
  return command.autocommit === false
    ? [...found, ...objectionsInTransaction({ commandName, command }, operators)]
    : found;
}

function objectionsInTransaction({ commandName, command }: Sent, operators: ReadonlySet<string>): string[] {
  const found: string[] = [];
  const say = (what: string) => found.push(`${commandName} in a transaction${what}`);
  if (!IN_TRANSACTIONS.includes(commandName)) say('');
  if (!ENDS.includes(commandName) && 'writeConcern' in command) say(': a write concern');
  if (command.startTransaction !== true && 'readConcern' in command)
    say(': a read concern that is not in the first command');
  if (operators.has('$changeStream')) say(': a change stream');
  return found;
}

function namesIn(value: unknown): { operators: Set<string>; hasPattern: boolean } {
  const operators = new Set<string>();
  let hasPattern = false;
  JSON.stringify(value, (key, part: unknown) => {
    // Documents hold data, and what the driver adds holds numbers in a form of its own.
    if (['documents', 'readConcern', ...COMMON_KEYS].includes(key)) return undefined;
    if (key.startsWith('$') || key === 'collation') operators.add(key);
    if (part instanceof RegExp) hasPattern = true;
    return part;
  });
  return { operators, hasPattern };
}

/** Opens a database whose `close` throws when a MongoDB server might have refused something that was sent meanwhile. */
export async function openWatchedDatabase(options: { url: string; name: string }): Promise<Database> {
  const database = await openDatabase({ ...options, monitorCommands: true });
  const found = new Set<string>();
  database.client.on('commandStarted', (event) => {
    for (const objection of objections(event)) found.add(objection);
  });
  return {
    ...database,
    async close() {
      await database.close();
      if (found.size > 0) throw new Error(`A MongoDB server may refuse what was sent: ${[...found].join('; ')}`);
    },
  };
}
