import { viewOf } from './memory.js';
import { firstWordEnd, hashName } from './name_hash.js';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const LOWEST_QUALITY = 33;
const HASH_FACTOR = 0x9e3779b1;
/** Quality 0 of the offset 64. Solexa went down to -5, where Bowtie 2 gives up. */
const ZERO_OF_64 = 64;
/** Bowtie 2 leaves a read aside in which more than this share of the bases is none of A, C, G and T. */
const UNKNOWN_SHARE = 0.15;

const isKnownBase = new Uint8Array(256);
for (const base of 'ACGTacgt') isKnownBase[base.charCodeAt(0)] = 1;

/** How trimmed reads are passed on. */
export type TrimmedReadsRule = {
  /** Offset of their Phred qualities. With 64, those below 0 become 0. */
  phredOffset: 33 | 64;
  /** Puts the number of each read, from 1, before its name. */
  isNumbered: boolean;
};

/** What trimmed reads of a file hold. */
export type TrimmedReadsFigures = {
  reads: number;
  /** Reads that Bowtie 2 leaves aside, because too many of their bases are unknown. */
  tooManyUnknown: number;
  /** Of the names that came in, and their order: the same for two files whose reads share theirs. */
  namesDigest: string;
};

/**
 * Looks at FASTQ text, four whole lines a record, as it streams from a trimming program to a compressor, and changes it where the aligner
 * would take reads for each other or give up. Without need the bytes stay as they are.
 */
export class TrimmedReads {
  readonly #isChanged: boolean;
  readonly #rule: TrimmedReadsRule;
  #rest: Buffer = Buffer.alloc(0);
  #reads = 0;
  #tooManyUnknown = 0;
  readonly #name = new Uint32Array(2);
  #digest = 0;
  #otherDigest = 0;

  constructor(rule: TrimmedReadsRule) {
    this.#rule = rule;
    this.#isChanged = rule.isNumbered || rule.phredOffset === 64;
  }

  /** Takes the next bytes, and gives those to pass on, good until the chunk's memory is used again. */
  push(chunk: Buffer): Buffer {
    const text = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    const memory = viewOf(text);
    const parts: Buffer[] = [];
    let start = 0;
    for (;;) {
      const sequence = text.indexOf(LINE_FEED, start) + 1;
      const plus = sequence && text.indexOf(LINE_FEED, sequence) + 1;
      const quality = plus && text.indexOf(LINE_FEED, plus) + 1;
      const end = quality && text.indexOf(LINE_FEED, quality) + 1;
      if (!end) break;
      this.#look(memory, start + 1, sequence - 1, plus - 1);
      if (this.#rule.phredOffset === 64) raise(text, quality, end - 1);
      if (this.#rule.isNumbered) parts.push(Buffer.from(`@${this.#reads} `), text.subarray(start + 1, end));
      start = end;
    }
    const whole = text.subarray(0, start);
    this.#rest = Buffer.from(text.subarray(start));
    if (!this.#isChanged) return chunk;
    return this.#rule.isNumbered ? Buffer.concat(parts) : whole;
  }

  /**
   * What the reads hold; nothing may be pushed afterwards.
   *
   * @throws SyntaxError when the text ended within a record.
   */
  finish(): TrimmedReadsFigures {
    if (this.#rest.length > 0) throw new SyntaxError(`The reads end in the middle of record ${this.#reads + 1}`);
    const namesDigest = `${this.#digest >>> 0} ${this.#otherDigest >>> 0}`;
    return { reads: this.#reads, tooManyUnknown: this.#tooManyUnknown, namesDigest };
  }

  #look(memory: DataView, header: number, headerEnd: number, sequenceEnd: number): void {
    this.#reads += 1;
    hashName(memory, header, firstWordEnd(memory, header, headerEnd), this.#name);
    const [low = 0, high = 0] = this.#name;
    this.#digest = Math.imul(this.#digest ^ low, HASH_FACTOR) + 1;
    this.#otherDigest = (Math.imul(this.#otherDigest, HASH_FACTOR) + high) | 0;
    const sequence = headerEnd + 1;
    const end = memory.getUint8(sequenceEnd - 1) === CARRIAGE_RETURN ? sequenceEnd - 1 : sequenceEnd;
    let known = 0;
    for (let i = sequence; i < end; i++) known += isKnownBase[memory.getUint8(i)] as number;
    const length = end - sequence;
    if (length - known > Math.floor(length * UNKNOWN_SHARE)) this.#tooManyUnknown += 1;
  }
}

function raise(text: Buffer, start: number, end: number): void {
  for (let i = start; i < end; i++) {
    const code = text[i] as number;
    if (code < ZERO_OF_64 && code >= LOWEST_QUALITY) text[i] = ZERO_OF_64;
  }
}
