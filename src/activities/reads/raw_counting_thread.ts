// Where the thread of `CountingThread` begins: counts blocks of raw reads and sends their memory back.
import { parentPort, workerData } from 'node:worker_threads';
import type { FromThread } from '../threads.js';
import { CountingHere, type CountingThreadData, type RawCounts, type ToCountingThread } from './raw_counting.js';

const { files, port } = workerData as CountingThreadData;
const counting = new CountingHere(files);

port.on('message', async (message: ToCountingThread) => {
  if (message === 'end') {
    port.close();
    parentPort?.postMessage({ result: await counting.end() } satisfies FromThread<RawCounts[]>);
    return;
  }
  const { file, block, length } = message;
  await counting.push(file, Buffer.from(block, 0, length));
  port.postMessage(block, [block]);
});
