import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { RawReadStatistics } from '../../bio/raw_read_statistics.js';
import { runThread } from '../threads.js';

/** What is counted of a file of raw reads. */
export type RawCounts = {
  /** Counts of the quality characters by code. */
  qualityCounts: number[];
  /** FastQC's text of the reads with each offset. */
  reports: { 33: string; 64: string };
};

/** Counts the raw reads of the files of a sample. The text is copied, and good to change after `push` was called. */
export type RawCounting = {
  /** Takes the next whole records of a file. Waits while too many blocks lie before it. */
  push(file: number, records: Buffer): Promise<void>;
  /** What was counted, by file; none may be pushed any more. */
  end(): Promise<RawCounts[]>;
  /** Stops the counting; needed on every way out. */
  close(): Promise<void>;
};

/** What the counting thread is told: text of a file, in a block from its start on, or that all was sent. */
export type ToCountingThread = { file: number; block: number; length: number } | 'end';

/** What the counting thread gets at its start. It tells through the port which blocks it has counted. */
export type CountingThreadData = { files: number; port: MessagePort; blocks: readonly SharedArrayBuffer[] };

const COUNTING_GIB = 0.25;
/** Blocks on their way, so that neither thread waits for the other where both are equally fast. */
const BLOCKS = 6;
const BLOCK_BYTES = 256 * 1024;

/** Counts at once. */
export class CountingHere implements RawCounting {
  readonly #statistics: RawReadStatistics[];

  constructor(files: number) {
    this.#statistics = Array.from({ length: files }, () => new RawReadStatistics());
  }

  async push(file: number, records: Buffer): Promise<void> {
    this.#statistics[file]?.push(records);
  }

  async end(): Promise<RawCounts[]> {
    return this.#statistics.map((statistics, index) => {
      const name = `reads_${index + 1}.fq.gz`;
      return {
        qualityCounts: Array.from(statistics.qualityCounts()),
        reports: { 33: statistics.report(name, 33), 64: statistics.report(name, 64) },
      };
    });
  }

  async close(): Promise<void> {}
}

/** Counts in a thread of its own, while the caller's thread reads on. */
export class CountingThread implements RawCounting {
  readonly #port: MessagePort;
  readonly #stop = new AbortController();
  readonly #counts: Promise<RawCounts[]>;
  readonly #blocks = Array.from({ length: BLOCKS }, () => Buffer.from(new SharedArrayBuffer(BLOCK_BYTES)));
  readonly #free = [...this.#blocks.keys()];
  #onFree = () => {};

  constructor(files: number) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#port.on('message', (block: number) => {
      this.#free.push(block);
      this.#onFree();
    });
    const blocks = this.#blocks.map(({ buffer }) => buffer as unknown as SharedArrayBuffer);
    const data: CountingThreadData = { files, port: port2, blocks };
    const options = { signal: this.#stop.signal, memoryGib: COUNTING_GIB, transferList: [port2] };
    this.#counts = runThread<RawCounts[]>('#raw-counting-thread', 'counting the reads', data, options);
    // Its failure is thrown where the caller waits for it.
    this.#counts.catch(() => {});
  }

  async push(file: number, records: Buffer): Promise<void> {
    for (let start = 0; start < records.length; ) {
      const block = await this.#takeBlock();
      const length = records.copy(this.#blocks[block] as Buffer, 0, start);
      this.#post({ file, block, length });
      start += length;
    }
  }

  end(): Promise<RawCounts[]> {
    this.#post('end');
    return this.#counts;
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('The counting of reads is not needed any more'));
    await this.#counts.catch(() => {});
    this.#port.close();
  }

  /** A block that is free, when there is one. */
  async #takeBlock(): Promise<number> {
    for (;;) {
      const block = this.#free.pop();
      if (block !== undefined) return block;
      const freed = new Promise<void>((resolve) => {
        this.#onFree = resolve;
      });
      await Promise.race([freed, this.#counts]);
    }
  }

  #post(message: ToCountingThread): void {
    this.#port.postMessage(message);
  }
}
