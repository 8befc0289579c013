import { viewOf } from './memory.js';

const LINE_FEED = 10;
const START_BYTES = 256 * 1024;
const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** Takes a line as bytes `start` to `end` of some memory, without its line feed; they are good until it returns. */
export type LineHandler = (memory: DataView, start: number, end: number) => void;

/** Cuts a stream of bytes into lines and makes no text of them. A line beyond 64 Mi bytes is an error. */
export class LineSplitter {
  readonly #onLine: LineHandler;
  #memory = Buffer.alloc(START_BYTES);
  #view = viewOf(this.#memory);
  /** The bytes at the beginning of the memory that belong to a line whose end has not come yet. */
  #used = 0;

  constructor(onLine: LineHandler) {
    this.#onLine = onLine;
  }

  /** Takes the next bytes; calls back for each line that ends in them. */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + this.#memory.length - this.#used);
      this.#memory.set(part, this.#used);
      this.#take(part.length);
      at += part.length;
    }
  }

  /** Takes all that `read` puts at the beginning of the room it is given, until it says that it put nothing there; ends the last line. */
  pushAll(read: (room: Uint8Array) => number): void {
    for (let count = -1; count !== 0; ) {
      count = read(this.#memory.subarray(this.#used));
      this.#take(count);
    }
    this.end();
  }

  /** Calls back for a last line without line feed. */
  end(): void {
    const length = this.#used;
    this.#used = 0;
    if (length > 0) this.#onLine(this.#view, 0, length);
  }

  #take(count: number): void {
    const memory = this.#memory;
    const view = this.#view;
    const onLine = this.#onLine;
    const end = this.#used + count;
    // Behind the last bytes lies what was read before them.
    const bytes = memory.subarray(0, end);
    let start = 0;
    for (let at = bytes.indexOf(LINE_FEED, this.#used); at >= 0; at = bytes.indexOf(LINE_FEED, start)) {
      onLine(view, start, at);
      start = at + 1;
    }
    memory.copyWithin(0, start, end);
    this.#used = end - start;
    if (this.#used === memory.length) this.#widen();
  }

  #widen(): void {
    if (this.#used >= MAX_LINE_BYTES) throw new Error(`A line is longer than ${MAX_LINE_BYTES} bytes`);
    const larger = Buffer.alloc(this.#memory.length * 2);
    larger.set(this.#memory);
    this.#memory = larger;
    this.#view = viewOf(larger);
  }
}
