import { viewOf } from '../memory.js';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** Takes a record: where its header, its bases and its qualities begin and end; the bytes are good until it returns. */
export type RecordHandler = (
  memory: DataView,
  header: number,
  headerEnd: number,
  sequence: number,
  sequenceEnd: number,
  quality: number,
  qualityEnd: number,
) => void;

/** Cuts FASTQ text, four whole lines a record, into records. The text comes in chunks of any size. */
export class RecordCutter {
  readonly #onRecord: RecordHandler;
  /** Bytes of a record whose end has not come yet, and the chunks behind them. */
  #rest: Buffer = Buffer.alloc(0);
  #chunks: Buffer[] = [];
  #bytes = 0;
  #records = 0;

  constructor(onRecord: RecordHandler) {
    this.#onRecord = onRecord;
  }

  /** Takes the next bytes; calls back for each record that ends in them, or does so later where a record is much longer than a chunk. */
  push(chunk: Buffer): void {
    if (this.#rest.length === 0) {
      this.#keep(chunk, this.#cut(chunk));
      return;
    }
    this.#bytes += chunk.length;
    // A record longer than a chunk is looked at each time it has doubled, so that it is not copied again with every chunk.
    const isEnough = this.#bytes >= this.#rest.length;
    this.#chunks.push(isEnough ? chunk : Buffer.from(chunk));
    if (isEnough) this.flush();
  }

  /** Calls back for all records that have come. */
  flush(): void {
    if (this.#bytes === 0) return;
    const text = Buffer.concat([this.#rest, ...this.#chunks]);
    this.#keep(text, this.#cut(text));
  }

  /** @throws SyntaxError when the text ended within a record. */
  end(): void {
    this.flush();
    if (this.#rest.length > 0) throw new SyntaxError(`The reads end in the middle of record ${this.#records + 1}`);
  }

  #keep(text: Buffer, from: number): void {
    // A copy, as the chunk's memory may be used again.
    this.#rest = Buffer.from(text.subarray(from));
    this.#chunks = [];
    this.#bytes = 0;
  }

  /** Gives the byte behind the last whole record. */
  #cut(text: Buffer): number {
    const memory = viewOf(text);
    let start = 0;
    for (;;) {
      const sequence = text.indexOf(LINE_FEED, start) + 1;
      const plus = sequence && text.indexOf(LINE_FEED, sequence) + 1;
      // A record has as many qualities as bases, and mostly nothing behind the plus: quicker than to search for the ends.
      const quality = plus && lineEnd(text, plus, 1);
      const end = quality && lineEnd(text, quality, plus - 1 - sequence);
      if (!end) return start;
      this.#records += 1;
      const bases = withoutReturn(memory, sequence, plus - 1);
      this.#onRecord(memory, start, sequence - 1, sequence, bases, quality, withoutReturn(memory, quality, end - 1));
      start = end;
    }
  }
}

/** Where the line behind the one from `start` begins, which has so many characters if the end of a line is there; 0 without any end. */
function lineEnd(text: Buffer, start: number, expected: number): number {
  return text[start + expected] === LINE_FEED ? start + expected + 1 : text.indexOf(LINE_FEED, start) + 1;
}

function withoutReturn(memory: DataView, start: number, end: number): number {
  return end > start && memory.getUint8(end - 1) === CARRIAGE_RETURN ? end - 1 : end;
}
