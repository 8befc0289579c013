import { createDataDirectory } from '../../src/files/data_directory.js';
import { startWatchFolder } from '../../src/files/watch_folder.js';
import { openDatabase } from '../../src/store/database/database.js';
import { createStore } from '../../src/store/index.js';
import { quietLogger } from './logger.js';

/**
 * Where a process that watches is killed: right after a file's document was inserted, after the file has arrived, or right before it
 * becomes ready.
 */
export type KillPoint = 'insert' | 'arrived' | 'publish';

/** Watches a folder in this process until it kills itself at the point. Runs under `run_ts.mjs`. */
export async function main([url, name, path, dataPath, point]: string[]): Promise<number> {
  const database = await openDatabase({ url: url!, name: name! });
  const { files } = createStore(database);
  const die = (): Promise<never> => {
    process.kill(process.pid, 'SIGKILL');
    return new Promise(() => undefined);
  };
  startWatchFolder({
    path: path!,
    data: createDataDirectory(dataPath!),
    files: {
      ...files,
      insert: (file) => files.insert(file).then((document) => (point === 'insert' ? die() : document)),
      arriving: async () => {
        const all = await files.arriving();
        return point === 'arrived' && all.length > 0 ? die() : all;
      },
      publish: (fileId, size) => (point === 'publish' ? die() : files.publish(fileId, size)),
    },
    log: quietLogger,
    settleMs: 20,
    rescanMs: 50,
  });
  return new Promise(() => undefined);
}
