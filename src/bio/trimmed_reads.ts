import { firstWordEnd, hashName } from './name_hash.js';
import { CountingMemory } from './read_quality/counting_memory.js';
import { RecordCutter } from './read_quality/record_cutter.js';

const HASH_FACTOR = 0x9e3779b1;
/** Quality 0 of the offset 64. Solexa went down to -5, where Bowtie 2 gives up. */
const ZERO_OF_64 = 64;
/** Bowtie 2 leaves a read aside in which more than this share of the bases is none of A, C, G and T. */
const UNKNOWN_SHARE = 0.15;

/** How many of two bytes, as a number, are known bases: two at a time take half as long. */
const knownBases = new Uint8Array(1 << 16);
for (let pair = 0; pair < knownBases.length; pair++) knownBases[pair] = known(pair & 255) + known(pair >> 8);

function known(code: number): number {
  return 'ACGTacgt'.includes(String.fromCharCode(code)) ? 1 : 0;
}

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
  readonly #rule: TrimmedReadsRule;
  readonly #memory = new CountingMemory();
  readonly #cutter = new RecordCutter(this.#memory, (header, headerEnd, sequence, sequenceEnd, quality, qualityEnd) => {
    const memory = this.#memory.view();
    this.#look(memory, header + 1, headerEnd, sequence, sequenceEnd);
    if (this.#isChanged) this.#changed.push(this.#change(memory, header, quality, qualityEnd));
  });
  #changed: Buffer[] = [];
  #reads = 0;
  #tooManyUnknown = 0;
  readonly #name = new Uint32Array(2);
  #digest = 0;
  #otherDigest = 0;

  constructor(rule: TrimmedReadsRule) {
    this.#rule = rule;
  }

  /** Takes the next bytes, and gives those to pass on, good until the chunk's memory is used again. */
  push(chunk: Buffer): Buffer {
    this.#cutter.push(chunk);
    return this.#isChanged ? this.#takeChanged() : chunk;
  }

  /**
   * Gives the last bytes to pass on.
   *
   * @throws SyntaxError when the text ended within a record.
   */
  end(): Buffer {
    this.#cutter.end();
    return this.#takeChanged();
  }

  /** What the reads hold; all of them after `end`. */
  get figures(): TrimmedReadsFigures {
    const namesDigest = `${this.#digest >>> 0} ${this.#otherDigest >>> 0}`;
    return { reads: this.#reads, tooManyUnknown: this.#tooManyUnknown, namesDigest };
  }

  get #isChanged(): boolean {
    return this.#rule.isNumbered || this.#rule.phredOffset === 64;
  }

  #takeChanged(): Buffer {
    const passed = Buffer.concat(this.#changed);
    this.#changed = [];
    return passed;
  }

  #look(memory: DataView, name: number, headerEnd: number, sequence: number, sequenceEnd: number): void {
    this.#reads += 1;
    hashName(memory, name, firstWordEnd(memory, name, headerEnd), this.#name);
    const [low = 0, high = 0] = this.#name;
    this.#digest = Math.imul(this.#digest ^ low, HASH_FACTOR) + 1;
    this.#otherDigest = (Math.imul(this.#otherDigest, HASH_FACTOR) + high) | 0;
    const length = sequenceEnd - sequence;
    const evenEnd = sequenceEnd - (length & 1);
    let unknown = length;
    for (let i = sequence; i < evenEnd; i += 2) unknown -= knownBases[memory.getUint16(i, true)] as number;
    if (evenEnd < sequenceEnd) unknown -= knownBases[memory.getUint8(evenEnd)] as number;
    if (unknown > Math.floor(length * UNKNOWN_SHARE)) this.#tooManyUnknown += 1;
  }

  /** A copy of a record, as it is passed on. */
  #change({ buffer, byteOffset }: DataView, header: number, quality: number, qualityEnd: number): Buffer {
    const record = Buffer.from(buffer as ArrayBuffer, byteOffset + header, qualityEnd - header);
    const number = Buffer.from(this.#rule.isNumbered ? `@${this.#reads} ` : '@');
    const changed = Buffer.concat([number, record.subarray(1), LINE_END]);
    if (this.#rule.phredOffset === 64) raise(changed, changed.length - 1 - (qualityEnd - quality), changed.length - 1);
    return changed;
  }
}

const LINE_END = Buffer.from('\n');

function raise(text: Buffer, start: number, end: number): void {
  for (let i = start; i < end; i++) if ((text[i] as number) < ZERO_OF_64) text[i] = ZERO_OF_64;
}
