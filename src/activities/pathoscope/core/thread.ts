// Where the thread of a task begins; run.ts starts it and owns it.
import { readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { FromThread } from '../../threads.js';
import type { CoreResults, CoreTask, ThreadData } from './tasks.js';
import { runTask } from './work.js';

const port = parentPort;
if (!port) throw new Error('This file is the entry of a worker thread');
const send = (message: FromThread<CoreResults[CoreTask['task']]>) => port.postMessage(message);

const { task, input } = workerData as ThreadData;
const read = (room: Uint8Array) => (input === undefined ? 0 : readSync(input, room));
send({ result: runTask(task, read, (fraction) => send({ fraction })) });
