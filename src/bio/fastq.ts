import { byteTable, type InputProblem, recognizeFormat, showByte } from './input_problem.js';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const AT_SIGN = 64;
const PLUS = 43;
const GREATER_THAN = 62;
const MAX_HEADER_BYTES = 64 * 1024;

/**
 * Letters that the aligner reads as a base or as N. Not U: it becomes N there, so that no read of an RNA alphabet would align. Not `-` or `*`:
 * the aligner ends with an error.
 */
const BASES = 'ACGTNRYSWKMBDHVXacgtnryswkmbdhvx.';
const isBase = byteTable(BASES);
/** Printable characters without the blank: all offsets in use (33 and 64) stay inside. */
const isQuality = new Uint8Array(256).fill(1, 33, 127);
/** Any byte but control characters, so that names may be in any encoding. */
const isHeader = new Uint8Array(256).fill(1, 32);
isHeader[9] = 1;
isHeader[CARRIAGE_RETURN] = 1;
isHeader[127] = 0;

export type FastqProblemCode =
  | 'empty'
  | 'not_fastq'
  | 'fasta'
  | 'missing_header'
  | 'bad_header'
  | 'illegal_base'
  | 'missing_plus'
  | 'illegal_quality'
  | 'quality_length'
  | 'blank_line'
  | 'incomplete_record';

export type FastqProblem = InputProblem<FastqProblemCode>;

/** What a valid FASTQ file holds. */
export type FastqStatistics = {
  reads: number;
  bases: number;
  /** Length of the shortest and of the longest read. */
  minLength: number;
  maxLength: number;
  /** False if the last line has no line feed: skewer then loses the last reads, so a copy for it needs one more. */
  endsWithLineFeed: boolean;
};

export type FastqResult = { ok: true; statistics: FastqStatistics } | { ok: false; problem: FastqProblem };

/** The parts of a record. A start part is at the first byte of its line. */
type Part = 'record_start' | 'header' | 'sequence' | 'plus_start' | 'plus' | 'quality';

/**
 * Checks plain (decompressed) FASTQ text as it streams by: four lines per record, equal lengths of sequence and quality, legal characters.
 * Accepted: CR LF, lower case, IUPAC codes, reads without bases, a `+` line that repeats the name, any quality offset, equal names, names in any
 * encoding, a missing last line feed, blank lines at the end. Stops at the first problem.
 */
export class FastqValidator {
  #part: Part = 'record_start';
  #line = 1;
  #reads = 0;
  #bases = 0;
  #minLength = Number.POSITIVE_INFINITY;
  #maxLength = 0;
  /** Bytes of the current line so far, and of the current record's sequence. */
  #lineBytes = 0;
  #sequenceBytes = 0;
  #afterCarriageReturn = false;
  #blankLine: number | undefined;
  #lastByte = LINE_FEED;
  #problem: FastqProblem | undefined;

  /** Takes the next bytes. False once the file is refused: nothing more needs to be read. */
  push(chunk: Uint8Array): boolean {
    let i = 0;
    while (i < chunk.length && this.#problem === undefined) i = this.#step(chunk, i);
    this.#lastByte = chunk.at(-1) ?? this.#lastByte;
    return this.#problem === undefined;
  }

  /** The verdict, after the last chunk or after a refusal. */
  finish(): FastqResult {
    if (this.#problem === undefined) this.#end();
    if (this.#problem !== undefined) return { ok: false, problem: this.#problem };
    const statistics = {
      reads: this.#reads,
      bases: this.#bases,
      minLength: this.#minLength,
      maxLength: this.#maxLength,
      endsWithLineFeed: this.#lastByte === LINE_FEED,
    };
    return { ok: true, statistics };
  }

  #step(chunk: Uint8Array, i: number): number {
    switch (this.#part) {
      case 'record_start':
        return this.#startRecord(chunk, i);
      case 'header':
        return this.#scan(chunk, i, isHeader, 'bad_header');
      case 'sequence':
        return this.#scan(chunk, i, isBase, 'illegal_base');
      case 'plus_start':
        return this.#startPlus(chunk, i);
      case 'plus':
        return this.#scan(chunk, i, isHeader, 'bad_header');
      case 'quality':
        return this.#scan(chunk, i, isQuality, 'illegal_quality');
    }
  }

  #startRecord(chunk: Uint8Array, i: number): number {
    const byte = chunk[i];
    if (byte === CARRIAGE_RETURN || byte === LINE_FEED) {
      this.#blankLine ??= this.#line;
      if (byte === LINE_FEED) this.#line++;
      return i + 1;
    }
    if (this.#blankLine !== undefined) {
      const message = `Line ${this.#blankLine} is blank, in the middle of the file. Remove blank lines; every record has exactly four lines.`;
      return this.#refuse('blank_line', message, this.#blankLine);
    }
    if (byte !== AT_SIGN) return this.#refuseStart(chunk, i);
    this.#part = 'header';
    return i + 1;
  }

  #startPlus(chunk: Uint8Array, i: number): number {
    if (chunk[i] !== PLUS) {
      const message =
        `Line ${this.#line} (record ${this.#reads + 1}) must begin with '+' but begins with ${excerpt(chunk, i)}. Each record has four lines: ` +
        `name, sequence on one line, '+', quality. Upload the FASTQ file as the sequencing facility delivered it.`;
      return this.#refuse('missing_plus', message);
    }
    this.#part = 'plus';
    return i + 1;
  }

  /** Runs over legal bytes of the current line and handles the first other one. */
  #scan(
    chunk: Uint8Array,
    from: number,
    isLegal: Uint8Array,
    code: 'bad_header' | 'illegal_base' | 'illegal_quality',
  ): number {
    let i = from;
    if (!this.#afterCarriageReturn) {
      const end = chunk.length;
      while (i < end && isLegal[chunk[i] as number] === 1) i++;
      this.#lineBytes += i - from;
    }
    if (code === 'bad_header' && this.#lineBytes > MAX_HEADER_BYTES) return this.#refuseHeader(undefined);
    if (i === chunk.length) return i;
    const byte = chunk[i] as number;
    if (byte === LINE_FEED) {
      this.#afterCarriageReturn = false;
      this.#endLine();
      return i + 1;
    }
    if (byte === CARRIAGE_RETURN && !this.#afterCarriageReturn) {
      this.#afterCarriageReturn = true;
      return i + 1;
    }
    if (code === 'bad_header') return this.#refuseHeader(byte);
    return this.#refuseCharacter(code, this.#afterCarriageReturn ? CARRIAGE_RETURN : byte);
  }

  #endLine(): void {
    const bytes = this.#lineBytes;
    if (this.#part === 'header') this.#part = 'sequence';
    else if (this.#part === 'sequence') {
      this.#sequenceBytes = bytes;
      this.#part = 'plus_start';
    } else if (this.#part === 'plus') this.#part = 'quality';
    else if (bytes === this.#sequenceBytes) this.#endRecord();
    else {
      const message =
        `Record ${this.#reads + 1} (quality on line ${this.#line}) has ${this.#sequenceBytes} bases but ${bytes} quality values; they must be equal. ` +
        'The file is damaged: take it from its source again.';
      this.#refuse('quality_length', message);
      return;
    }
    this.#lineBytes = 0;
    this.#line++;
  }

  #endRecord(): void {
    this.#reads++;
    this.#bases += this.#sequenceBytes;
    if (this.#sequenceBytes < this.#minLength) this.#minLength = this.#sequenceBytes;
    if (this.#sequenceBytes > this.#maxLength) this.#maxLength = this.#sequenceBytes;
    this.#part = 'record_start';
  }

  #end(): void {
    if (this.#part === 'quality' && this.#lineBytes === this.#sequenceBytes) this.#endRecord();
    else if (this.#part !== 'record_start') {
      const message =
        `The file ends in the middle of record ${this.#reads + 1} (line ${this.#line}). It was probably cut off while it was copied: ` +
        'take it from its source again.';
      this.#refuse('incomplete_record', message);
    } else if (this.#reads === 0) {
      this.#problem = {
        code: 'empty',
        message: 'The file holds no reads. Choose a FASTQ file with at least one read.',
      };
    }
  }

  #refuseStart(chunk: Uint8Array, i: number): number {
    if (this.#reads > 0) {
      const message =
        `Line ${this.#line} must begin with '@', as record ${this.#reads + 1} starts there, but begins with ${excerpt(chunk, i)}. Each record has ` +
        "four lines: name, sequence on one line, '+', quality.";
      return this.#refuse('missing_header', message);
    }
    if (chunk[i] === GREATER_THAN) {
      const message =
        "The file is FASTA: line 1 begins with '>'. Reads need quality values; choose the FASTQ file of the sequencing run.";
      return this.#refuse('fasta', message);
    }
    const format = recognizeFormat(chunk.subarray(i));
    const message =
      format === undefined
        ? `The file is not FASTQ: line 1 must begin with '@' but begins with ${excerpt(chunk, i)}. Choose a FASTQ file, plain or compressed with gzip.`
        : `The file is not plain FASTQ but ${format}.`;
    return this.#refuse('not_fastq', message);
  }

  #refuseHeader(byte: number | undefined): number {
    const what =
      byte === undefined
        ? `is longer than ${MAX_HEADER_BYTES} characters`
        : `holds a control character (${showByte(byte)})`;
    const message = `Line ${this.#line} (record ${this.#reads + 1}) ${what}. The file is damaged or not FASTQ: take it from its source again.`;
    return this.#refuse('bad_header', message);
  }

  #refuseCharacter(code: 'illegal_base' | 'illegal_quality', byte: number): number {
    const what = code === 'illegal_base' ? 'a base (IUPAC code)' : 'a quality value';
    const isRna = code === 'illegal_base' && (byte === 85 || byte === 117);
    const advice = isRna
      ? 'Write T for U: reads with U do not align.'
      : 'The file is damaged or not FASTQ: take it from its source again.';
    const message = `Line ${this.#line} (record ${this.#reads + 1}), character ${this.#lineBytes + 1}: ${showByte(byte)} is not ${what}. ${advice}`;
    return this.#refuse(code, message);
  }

  /** Remembers the problem. Returns a position so that callers can end with it; nothing is read after it. */
  #refuse(code: FastqProblemCode, message: string, line = this.#line): number {
    this.#problem = { code, message, line, record: this.#reads + 1 };
    return 0;
  }
}

/** The beginning of a line for a message, as far as it is at hand. */
function excerpt(chunk: Uint8Array, start: number): string {
  const lineEnd = chunk.indexOf(LINE_FEED, start);
  const end = Math.min(lineEnd < 0 ? chunk.length : lineEnd, start + 20);
  const first = chunk[start] as number;
  const text = Buffer.from(chunk.subarray(start, end)).toString('latin1').trimEnd();
  return /^[ -~]+$/.test(text) ? `'${text}'` : showByte(first);
}
