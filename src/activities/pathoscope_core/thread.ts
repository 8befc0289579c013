// Where the thread of a task begins; run.ts starts it and owns it.
import { parentPort, workerData } from 'node:worker_threads';
import type { CoreTask, FromThread, ToThread } from './tasks.js';
import { openTask } from './work.js';

const port = parentPort;
if (!port) throw new Error('This file is the entry of a worker thread');
const send = (message: FromThread) => port.postMessage(message);

const task = openTask(workerData as CoreTask, (fraction) => send({ fraction }));
port.on('message', (message: ToThread) => {
  if ('buffer' in message) {
    const { buffer, length } = message;
    task.push(buffer.subarray(0, length));
    port.postMessage({ buffer } satisfies FromThread, [buffer.buffer]);
  } else {
    send({ result: task.finish() });
    port.close();
  }
});
