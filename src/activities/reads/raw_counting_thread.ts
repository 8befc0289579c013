// Where the thread of `CountingThread` begins: counts raw reads block by block and gives the blocks back.
import { parentPort, workerData } from 'node:worker_threads';
import type { FromThread } from '../threads.js';
import { CountingHere, type CountingThreadData, type RawCounts, type ToCountingThread } from './raw_counting.js';

const { files, port, blocks } = workerData as CountingThreadData;
const texts = blocks.map((block) => Buffer.from(block));
const counting = new CountingHere(files);

port.on('message', async (message: ToCountingThread) => {
  if (message === 'end') {
    port.close();
    parentPort?.postMessage({ result: await counting.end() } satisfies FromThread<RawCounts[]>);
    return;
  }
  const { file, block, length } = message;
  await counting.push(file, (texts[block] as Buffer).subarray(0, length));
  port.postMessage(block);
});
