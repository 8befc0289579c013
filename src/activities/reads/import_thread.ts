// Where the thread of `importReads` begins: one pass over the uploads of a sample.
import { parentPort, workerData } from 'node:worker_threads';
import type { FromThread } from '../threads.js';
import { type ImportOutcome, type ImportTask, runImportPass } from './import_pass.js';

const tell = (message: FromThread<ImportOutcome>) => parentPort?.postMessage(message);

const result = await runImportPass(workerData as ImportTask, (fraction) => tell({ fraction }));
tell({ result });
