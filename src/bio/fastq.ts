import { byteTable, FORMAT_BYTES, type InputProblem, recognizeFormat, showByte } from './input_problem.js';
import { viewOf } from './memory.js';

const LINE_FEED = 10;
const AT_SIGN = 64;
const PLUS = 43;
const GREATER_THAN = 62;
/** A `t` is as far from a `u` as a `T` from a `U`. */
const U_TO_T = -1;
const MAX_HEADER_BYTES = 64 * 1024;
/** The longest reads known have some four million bases. */
const MAX_READ_BASES = 5_000_000;
const START_BYTES = 1 << 20;

/** Letters that the aligner reads as a base or as N. Not `-` or `*`: the aligner ends with an error. */
const BASES = 'ACGTNRYSWKMBDHVXacgtnryswkmbdhvx.';
const isBase = byteTable(BASES);
const isU = byteTable('Uu');
/** Printable characters without the blank: all offsets in use (33 and 64) stay inside. */
const isQuality = new Uint8Array(256).fill(1, 33, 127);
/** Any byte but control characters, so that names may be in any encoding. */
const isHeader = new Uint8Array(256).fill(1, 32);
isHeader[9] = 1;
isHeader[127] = 0;

export type FastqProblemCode =
  | 'empty'
  | 'not_fastq'
  | 'fasta'
  | 'missing_header'
  | 'bad_header'
  | 'illegal_base'
  | 'read_length'
  | 'missing_plus'
  | 'illegal_quality'
  | 'quality_length'
  | 'blank_line'
  | 'incomplete_record';

export type FastqProblem = InputProblem<FastqProblemCode>;

/** What a valid FASTQ file holds, and what was changed in it. */
export type FastqFacts = {
  reads: number;
  bases: number;
  /** Length of the shortest and of the longest read. */
  minLength: number;
  maxLength: number;
  /** Reads in which U was read as T. */
  readsWithU: number;
  /** Whether the last line has no line feed. */
  lacksLineFeed: boolean;
  /** Whether blank lines follow the last record. */
  hasBlankEnd: boolean;
};

/** Takes a record as places in some memory, good until it returns: its header without `@`, and its sequence. */
export type RecordHandler = (
  memory: DataView,
  header: number,
  headerEnd: number,
  sequence: number,
  sequenceEnd: number,
) => void;

/**
 * Checks plain (decompressed) FASTQ text with line feeds as it streams by: four lines per record, equal lengths of sequence and quality, legal
 * characters. Accepted: lower case, IUPAC codes, U for T, reads without bases, a `+` line that repeats the name, any quality offset, equal
 * names, names in any encoding, a missing last line feed, blank lines at the end. Stops at the first problem. What it gives back are whole
 * records, with T for U and a line feed at the end. Its memory holds the longest record twice at most.
 */
export class FastqScanner {
  readonly #onRecord: RecordHandler;
  // Behind the text there is room for a line feed, at which every loop ends.
  #memory = Buffer.alloc(START_BYTES + 1);
  #view = viewOf(this.#memory);
  /** Where the text begins that was not given back, and where it ends. */
  #start = 0;
  #used = 0;
  /** Line feeds that an incomplete record still needs. */
  #feedsWanted = 0;
  #isBegun = false;
  #blankLines = 0;
  #facts: FastqFacts = {
    ...{ reads: 0, bases: 0, minLength: Number.POSITIVE_INFINITY, maxLength: 0 },
    ...{ readsWithU: 0, lacksLineFeed: false, hasBlankEnd: false },
  };
  #problem: FastqProblem | undefined;

  constructor(onRecord: RecordHandler = () => {}) {
    this.#onRecord = onRecord;
  }

  /** Why the file is refused. */
  get problem(): FastqProblem | undefined {
    return this.#problem;
  }

  get facts(): Readonly<FastqFacts> {
    return this.#facts;
  }

  /** Takes the next bytes. Gives the records that they complete, good until the next call; nothing once the file is refused. */
  push(chunk: Uint8Array): Buffer {
    if (this.#problem) return this.#memory.subarray(0, 0);
    this.#makeRoom(chunk.length);
    this.#memory.set(chunk, this.#used);
    const from = this.#used;
    this.#used += chunk.length;
    if (!this.#isBegun && this.#used < FORMAT_BYTES) return this.#memory.subarray(0, 0);
    this.#isBegun = true;
    if (this.#isStillIncomplete(from)) return this.#memory.subarray(0, 0);
    return this.#take();
  }

  /** The records that are left at the end of the file. */
  finish(): Buffer {
    if (this.#problem) return this.#memory.subarray(0, 0);
    const first = this.#take();
    if (this.#problem || this.#start === this.#used) {
      this.#checkEnd();
      return first;
    }
    const from = this.#start - first.length;
    const feeds = countFeeds(this.#memory.subarray(this.#start, this.#used));
    if (feeds === 3) {
      this.#makeRoomBehind(1);
      this.#memory[this.#used++] = LINE_FEED;
      this.#take();
    }
    const { problem } = this;
    if (this.#start < this.#used && (!problem || problem.code === 'quality_length')) {
      const line = this.#lineOfRecord() + feeds;
      const message =
        `The file ends in the middle of record ${this.#facts.reads + 1} (line ${line}). It was probably cut off while it was copied: ` +
        'take it from its source again.';
      this.#problem = { code: 'incomplete_record', message, line, record: this.#facts.reads + 1 };
    }
    this.#facts.lacksLineFeed = true;
    return this.#memory.subarray(from, this.#start);
  }

  #checkEnd(): void {
    if (this.#problem || this.#facts.reads > 0) return;
    this.#problem = { code: 'empty', message: 'The file holds no reads. Choose a FASTQ file with at least one read.' };
  }

  /** Moves the text to the beginning of the memory, and widens that if it must. */
  #makeRoom(bytes: number): void {
    this.#memory.copyWithin(0, this.#start, this.#used);
    this.#used -= this.#start;
    this.#start = 0;
    this.#makeRoomBehind(bytes);
  }

  #makeRoomBehind(bytes: number): void {
    const wanted = this.#used + bytes + 1;
    if (wanted <= this.#memory.length) return;
    const larger = Buffer.alloc(Math.max(wanted, Math.min(this.#memory.length * 2, this.#memory.length + (8 << 20))));
    this.#memory.copy(larger, 0, 0, this.#used);
    this.#memory = larger;
    this.#view = viewOf(larger);
  }

  /** Whether what has come from `from` on does not complete the record; so that a long one is not checked at every chunk. */
  #isStillIncomplete(from: number): boolean {
    if (this.#feedsWanted === 0 || this.#used > MAX_READ_BASES) return false;
    this.#feedsWanted -= Math.min(this.#feedsWanted, countFeeds(this.#memory.subarray(from, this.#used)));
    return this.#feedsWanted > 0;
  }

  /** Checks all records that are there; gives their text. */
  #take(): Buffer {
    const from = this.#start;
    this.#memory[this.#used] = LINE_FEED;
    const blankLines = this.#blankLines;
    while (this.#start < this.#used && this.#problem === undefined) {
      const next = this.#takeRecord(this.#start);
      if (next === this.#start) break;
      this.#start = next;
    }
    this.#feedsWanted = Math.max(0, 4 - countFeeds(this.#memory.subarray(this.#start, this.#used)));
    // Blank lines end the file, or it is refused.
    return this.#memory.subarray(from, this.#start - (this.#blankLines - blankLines));
  }

  /** Checks the record from `start` on. Gives where the next one begins; `start` again when the record is incomplete or refused. */
  #takeRecord(start: number): number {
    const bytes = this.#memory;
    const end = this.#used;
    if (bytes[start] !== AT_SIGN || this.#blankLines > 0 || this.#facts.reads === 0) {
      if (this.#facts.reads === 0 && this.#blankLines === 0 && this.#isOtherFormat(start)) return start;
      if (bytes[start] === LINE_FEED) return this.#passBlankLine(start);
      if (!this.#mayBegin(start)) return start;
    }
    const header = start + 1;
    let i = header;
    while (isHeader[bytes[i] as number] === 1) i++;
    const headerEnd = i;
    if (i - header > MAX_HEADER_BYTES) return this.#refuseHeader(start, 1);
    if (i >= end) return start;
    if (bytes[i] !== LINE_FEED) return this.#refuseHeader(start, 1, bytes[i]);

    const sequence = ++i;
    while (isBase[bytes[i] as number] === 1) i++;
    if (isU[bytes[i] as number] === 1) i = this.#readAsT(sequence, i);
    const sequenceEnd = i;
    const length = sequenceEnd - sequence;
    if (length > MAX_READ_BASES) return this.#refuseLength(start);
    if (i >= end) return start;
    if (bytes[i] !== LINE_FEED) return this.#refuseCharacter(start, 'illegal_base', bytes[i] as number, length);

    const plus = ++i;
    if (i >= end) return start;
    if (bytes[i] !== PLUS) return this.#refusePlus(start, i);
    while (isHeader[bytes[i] as number] === 1) i++;
    if (i - plus > MAX_HEADER_BYTES) return this.#refuseHeader(start, 3);
    if (i >= end) return start;
    if (bytes[i] !== LINE_FEED) return this.#refuseHeader(start, 3, bytes[i]);

    const quality = ++i;
    while (isQuality[bytes[i] as number] === 1) i++;
    const values = i - quality;
    if (i >= end && values <= MAX_READ_BASES) return start;
    if (bytes[i] !== LINE_FEED) return this.#refuseCharacter(start, 'illegal_quality', bytes[i] as number, values);
    if (values !== length) return this.#refuseQualityLength(start, length, values);

    const facts = this.#facts;
    facts.reads++;
    facts.bases += length;
    if (length < facts.minLength) facts.minLength = length;
    if (length > facts.maxLength) facts.maxLength = length;
    this.#onRecord(this.#view, header, headerEnd, sequence, sequenceEnd);
    return i + 1;
  }

  /** Writes T for every U from `from` on; gives the end of the bases. */
  #readAsT(sequence: number, from: number): number {
    const bytes = this.#memory;
    let i = from;
    for (; ; i++) {
      const byte = bytes[i] as number;
      if (isU[byte] === 1) bytes[i] = byte + U_TO_T;
      else if (isBase[byte] !== 1) break;
    }
    // A record that comes in parts is looked at more than once, but has its U only the first time.
    if (this.#recordWithU !== this.#facts.reads) this.#facts.readsWithU++;
    this.#recordWithU = this.#facts.reads;
    return Math.max(i, sequence);
  }
  #recordWithU = -1;

  #passBlankLine(start: number): number {
    this.#blankLines++;
    this.#facts.hasBlankEnd = true;
    return start + 1;
  }

  #isOtherFormat(start: number): boolean {
    const format = recognizeFormat(this.#memory.subarray(start, this.#used));
    if (format === undefined) return false;
    this.#refuse('not_fastq', `The file is not plain FASTQ but ${format}.`, 1);
    return true;
  }

  /** Whether a record may begin here; else the file is refused. */
  #mayBegin(start: number): boolean {
    const text = this.#memory.subarray(start, this.#used);
    const { reads } = this.#facts;
    if (this.#blankLines > 0) {
      const line = 4 * reads + 1;
      const message = `Line ${line} is blank, in the middle of the file. Remove blank lines; every record has exactly four lines.`;
      this.#refuse('blank_line', message, line);
      return false;
    }
    if (text[0] === AT_SIGN) return true;
    if (reads > 0) {
      const message =
        `Line ${this.#lineOfRecord()} must begin with '@', as record ${reads + 1} starts there, but begins with ${excerpt(text)}. Each record has ` +
        "four lines: name, sequence on one line, '+', quality.";
      this.#refuse('missing_header', message, this.#lineOfRecord());
    } else if (text[0] === GREATER_THAN) {
      const message =
        "The file is FASTA: line 1 begins with '>'. Reads need quality values; choose the FASTQ file of the sequencing run.";
      this.#refuse('fasta', message, 1);
    } else {
      const message = `The file is not FASTQ: line 1 must begin with '@' but begins with ${excerpt(text)}. Choose a FASTQ file, plain or compressed with gzip.`;
      this.#refuse('not_fastq', message, 1);
    }
    return false;
  }

  #refusePlus(start: number, at: number): number {
    const line = this.#lineOfRecord() + 2;
    const message =
      `Line ${line} (record ${this.#facts.reads + 1}) must begin with '+' but begins with ${excerpt(this.#memory.subarray(at, this.#used))}. Each record ` +
      `has four lines: name, sequence on one line, '+', quality. Upload the FASTQ file as the sequencing facility delivered it.`;
    return this.#refuse('missing_plus', message, line, start);
  }

  #refuseHeader(start: number, lineOfRecord: 1 | 3, byte?: number): number {
    const line = this.#lineOfRecord() + lineOfRecord - 1;
    const what =
      byte === undefined
        ? `is longer than ${MAX_HEADER_BYTES} characters`
        : `holds a control character (${showByte(byte)})`;
    const message = `Line ${line} (record ${this.#facts.reads + 1}) ${what}. The file is damaged or not FASTQ: take it from its source again.`;
    return this.#refuse('bad_header', message, line, start);
  }

  #refuseCharacter(start: number, code: 'illegal_base' | 'illegal_quality', byte: number, position: number): number {
    const [what, line] =
      code === 'illegal_base'
        ? (['a base (IUPAC code)', this.#lineOfRecord() + 1] as const)
        : (['a quality value', this.#lineOfRecord() + 3] as const);
    const message =
      `Line ${line} (record ${this.#facts.reads + 1}), character ${position + 1}: ${showByte(byte)} is not ${what}. ` +
      'The file is damaged or not FASTQ: take it from its source again.';
    return this.#refuse(code, message, line, start);
  }

  #refuseLength(start: number): number {
    const line = this.#lineOfRecord() + 1;
    const message =
      `Record ${this.#facts.reads + 1} (line ${line}) has more than ${MAX_READ_BASES} bases. No read is so long: choose the FASTQ file of the ` +
      'sequencing run.';
    return this.#refuse('read_length', message, line, start);
  }

  #refuseQualityLength(start: number, bases: number, values: number): number {
    const line = this.#lineOfRecord() + 3;
    const message =
      `Record ${this.#facts.reads + 1} (quality on line ${line}) has ${bases} bases but ${values} quality values; they must be equal. ` +
      'The file is damaged: take it from its source again.';
    return this.#refuse('quality_length', message, line, start);
  }

  #lineOfRecord(): number {
    return 4 * this.#facts.reads + 1;
  }

  #refuse(code: FastqProblemCode, message: string, line: number, start = 0): number {
    this.#problem = { code, message, line, record: this.#facts.reads + 1 };
    return start;
  }
}

function countFeeds(text: Buffer): number {
  let count = 0;
  for (let at = text.indexOf(LINE_FEED); at >= 0; at = text.indexOf(LINE_FEED, at + 1)) count++;
  return count;
}

/** The beginning of a line for a message, as far as it is at hand. */
function excerpt(text: Buffer): string {
  const lineEnd = text.indexOf(LINE_FEED);
  const start = text
    .subarray(0, Math.min(lineEnd < 0 ? text.length : lineEnd, 20))
    .toString('latin1')
    .trimEnd();
  return /^[ -~]+$/.test(start) ? `'${start}'` : showByte(text[0] as number);
}
