import { type CountingMemory, SPARE_BYTES } from './counting_memory.js';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const FIRST_ROOM = 256 * 1024;

/** Takes a record: the addresses where its header, its bases and its qualities begin and end; the bytes are good until it returns. */
export type RecordHandler = (
  header: number,
  headerEnd: number,
  sequence: number,
  sequenceEnd: number,
  quality: number,
  qualityEnd: number,
) => void;

/** Cuts FASTQ text, four whole lines a record, into records. The text comes in chunks of any size. */
export class RecordCutter {
  readonly #memory: CountingMemory;
  readonly #onRecord: RecordHandler;
  #address: number;
  #text: Buffer;
  /** Bytes of text that wait, and from how many on it is worth to look for the end of a record again. */
  #used = 0;
  #enough = 0;
  #records = 0;

  constructor(memory: CountingMemory, onRecord: RecordHandler) {
    this.#memory = memory;
    this.#onRecord = onRecord;
    this.#address = memory.reserve(FIRST_ROOM);
    this.#text = memory.bytes(this.#address, FIRST_ROOM);
  }

  /** Takes the next bytes; calls back for each record that ends in them, or does so later where a record is much longer than a chunk. */
  push(chunk: Buffer): void {
    if (this.#used + chunk.length > this.#text.length) this.#makeRoom(this.#used + chunk.length);
    this.#used += chunk.copy(this.#text, this.#used);
    if (this.#used >= this.#enough) this.flush();
  }

  /** Calls back for all records that have come. */
  flush(): void {
    const consumed = this.#cut();
    this.#text.copyWithin(0, consumed, this.#used);
    this.#used -= consumed;
    // A record longer than a chunk is looked at each time it has doubled.
    this.#enough = this.#used * 2;
  }

  /** @throws SyntaxError when the text ended within a record. */
  end(): void {
    this.flush();
    if (this.#used > 0) throw new SyntaxError(`The reads end in the middle of record ${this.#records + 1}`);
  }

  #makeRoom(bytes: number): void {
    const room = Math.max(bytes, this.#text.length * 2);
    const address = this.#memory.reserve(room + SPARE_BYTES);
    const larger = this.#memory.bytes(address, room);
    this.#memory.bytes(this.#address, this.#used).copy(larger);
    this.#address = address;
    this.#text = larger;
  }

  /** Gives the byte behind the last whole record. */
  #cut(): number {
    const text = this.#text.subarray(0, this.#used);
    const address = this.#address;
    let start = 0;
    for (;;) {
      const sequence = text.indexOf(LINE_FEED, start) + 1;
      const plus = sequence && text.indexOf(LINE_FEED, sequence) + 1;
      // A record has as many qualities as bases, and mostly nothing behind the plus: quicker than to search for the ends.
      const quality = plus && lineEnd(text, plus, 1);
      const end = quality && lineEnd(text, quality, plus - 1 - sequence);
      if (!end) return start;
      this.#records += 1;
      this.#onRecord(
        address + start,
        address + sequence - 1,
        address + sequence,
        address + withoutReturn(text, sequence, plus - 1),
        address + quality,
        address + withoutReturn(text, quality, end - 1),
      );
      start = end;
    }
  }
}

/** Where the line behind the one from `start` begins, which has so many characters if the end of a line is there; 0 without any end. */
function lineEnd(text: Buffer, start: number, expected: number): number {
  return text[start + expected] === LINE_FEED ? start + expected + 1 : text.indexOf(LINE_FEED, start) + 1;
}

function withoutReturn(text: Buffer, start: number, end: number): number {
  return end > start && text[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
}
