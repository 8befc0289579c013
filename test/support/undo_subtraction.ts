import { createCreateSubtractionControl } from '../../src/activities/jobs/create_subtraction.js';
import { createDataDirectory } from '../../src/files/data_directory.js';
import { openDatabase } from '../../src/store/database/database.js';
import { createStore } from '../../src/store/index.js';
import { quietLogger } from './logger.js';

/** Undoes a subtraction's job in this process, which kills itself right before it gives the upload back. */
export async function main([url, name, dataPath, jobId]: string[]): Promise<number> {
  const store = createStore(await openDatabase({ url: url!, name: name! }));
  const release = (): Promise<never> => {
    process.kill(process.pid, 'SIGKILL');
    return new Promise(() => undefined);
  };
  const control = createCreateSubtractionControl({
    store: { ...store, files: { ...store.files, release } },
    data: createDataDirectory(dataPath!),
    log: quietLogger,
  });
  const job = await store.jobs.get(jobId!);
  const input = { jobId: jobId!, task: 'create_subtraction' as const, args: job!.args, cost: { proc: 1, mem: 1 } };
  await control.undoCreateSubtraction(input);
  return 0;
}
