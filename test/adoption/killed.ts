import { adopt } from '../../src/adoption/adopt.js';
import { openDatabase } from '../../src/store/database/database.js';
import { siteOf } from './site.js';

const WRITES = ['insert', 'update', 'delete', 'findAndModify', 'bulkWrite', 'commitTransaction'];

/**
 * Runs an adoption that is killed before its write number `killAt`, counting writes to the database and moves of files, each of these
 * also when it is done. Without a number it prints how many there are. Runs under `run_ts.mjs`.
 */
export async function main([url = '', name = '', dataPath = '', killAt = 'Infinity']: string[]): Promise<number> {
  const database = await openDatabase({ url, name, monitorCommands: true });
  let writes = 0;
  const count = () => {
    writes += 1;
    if (writes === Number(killAt)) process.kill(process.pid, 'SIGKILL');
  };
  const { site, setAsideFolder } = siteOf(database, dataPath);
  const setAside = async (path: string) => {
    count();
    await site.setAside(path);
    count();
  };
  database.client.on('commandStarted', ({ commandName }) => WRITES.includes(commandName) && count());
  await adopt({ ...site, setAside }, { dryRun: false, setAsideFolder, signal: new AbortController().signal });
  await database.close();
  process.stdout.write(`writes ${writes}\n`);
  return 0;
}
