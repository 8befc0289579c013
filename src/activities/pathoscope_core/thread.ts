// Where the thread of a task begins; run.ts starts it and owns it.
import { parentPort, workerData } from 'node:worker_threads';
import type { CoreTask, FromThread, ToThread } from './tasks.js';
import { openTask } from './work.js';

const port = parentPort;
if (!port) throw new Error('This file is the entry of a worker thread');
const send = (message: FromThread) => port.postMessage(message);

const task = openTask(workerData as CoreTask, (fraction) => send({ fraction }));
port.on('message', (message: ToThread) => {
  if ('chunks' in message) {
    let taken = 0;
    for (const chunk of message.chunks) {
      task.push(chunk);
      taken += chunk.length;
    }
    send({ taken });
  } else {
    send({ result: task.finish() });
    port.close();
  }
});
