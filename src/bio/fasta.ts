import { byteTable, type InputProblem, recognizeFormat, showByte } from './input_problem.js';
import { roundHalfEven } from './numbers.js';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const GREATER_THAN = 62;
const AT_SIGN = 64;
const MAX_SHOWN_NAME = 60;

/**
 * Letters that bowtie2-build indexes as a base or as N, `-`, which it indexes as a gap, and U, for which it gets T. Others (`.`, `*`, digits) it drops
 * without a word, so that the index would not be the sequence in the file.
 */
const isBase = byteTable('ACGTUNRYSWKMBDHVXacgtunryswkmbdhvx-');
const isBlank = byteTable(' \t\v\f');
/** Letters of amino acids that are no nucleotide codes. */
const isProtein = byteTable('EFILPQZJOefilpqzjo');

export type FastaProblemCode =
  | 'empty'
  | 'fastq'
  | 'no_header'
  | 'no_nucleotides'
  | 'illegal_character'
  | 'empty_record';

export type FastaProblem = InputProblem<FastaProblemCode>;

/** Shares of the five letters among themselves, rounded half to even to 3 decimals. Other ambiguity codes do not count. */
export type NucleotideShares = { a: number; t: number; g: number; c: number; n: number };

export type FastaStatistics = {
  /** Number of records. */
  count: number;
  /** Sequence characters of all records. */
  bases: number;
  gc: NucleotideShares;
  /** U among the sequence characters, which count as T. */
  uracils: number;
  /** Whether lines end with CR, alone or before LF. */
  hasCarriageReturns: boolean;
};

export type FastaResult = { ok: true; statistics: FastaStatistics } | { ok: false; problem: FastaProblem };

/**
 * Checks plain (decompressed) nucleotide FASTA text as it streams by, and counts its bases: for genomes of any size. Accepted: upper and lower
 * case, IUPAC codes, U, lines that end with LF, CR LF or CR, blanks, blank lines, equal names, a missing last line feed. Stops at the first problem, except that a record
 * without sequence is reported at the end.
 */
export class FastaValidator {
  readonly #counts = new Float64Array(256);
  #records = 0;
  #bases = 0;
  #line = 1;
  #column = 0;
  #inHeader = false;
  #isAfterReturn = false;
  #hasCarriageReturns = false;
  #recordBases = 0;
  #recordLine = 0;
  #name = '';
  #emptyRecord: FastaProblem | undefined;
  #problem: FastaProblem | undefined;

  /** Takes the next bytes. False once the file is refused: nothing more needs to be read. */
  push(chunk: Uint8Array): boolean {
    let i = 0;
    const counts = new Uint32Array(256);
    while (i < chunk.length && this.#problem === undefined) {
      if (chunk[i] === LINE_FEED || chunk[i] === CARRIAGE_RETURN) i = this.#endLine(chunk[i] as number, i);
      else i = this.#takeByte(chunk, i, counts);
    }
    for (let byte = 0; byte < 256; byte++)
      this.#counts[byte] = (this.#counts[byte] as number) + (counts[byte] as number);
    return this.#problem === undefined;
  }

  #takeByte(chunk: Uint8Array, i: number, counts: Uint32Array): number {
    this.#isAfterReturn = false;
    if (this.#inHeader) return this.#skipHeader(chunk, i);
    if (this.#column === 0 && chunk[i] === GREATER_THAN) return this.#startRecord(i);
    if (isBlank[chunk[i] as number] !== 1) return this.#scanBases(chunk, i, counts);
    this.#column++;
    return i + 1;
  }

  /** The verdict, after the last chunk or after a refusal. */
  finish(): FastaResult {
    if (this.#problem === undefined) this.#end();
    if (this.#problem !== undefined) return { ok: false, problem: this.#problem };
    return {
      ok: true,
      statistics: {
        count: this.#records,
        bases: this.#bases,
        gc: this.#shares(),
        uracils: this.#countOf('u'),
        hasCarriageReturns: this.#hasCarriageReturns,
      },
    };
  }

  #scanBases(chunk: Uint8Array, from: number, counts: Uint32Array): number {
    if (this.#records === 0) return this.#refuseStart(chunk, from);
    const end = chunk.length;
    let i = from;
    for (; i < end; i++) {
      const byte = chunk[i] as number;
      if (isBase[byte] !== 1) break;
      counts[byte] = (counts[byte] as number) + 1;
    }
    this.#recordBases += i - from;
    this.#bases += i - from;
    this.#column += i - from;
    if (i === end) return i;
    const byte = chunk[i] as number;
    return byte === LINE_FEED || byte === CARRIAGE_RETURN || isBlank[byte] === 1 ? i : this.#refuseCharacter(byte);
  }

  #skipHeader(chunk: Uint8Array, from: number): number {
    let end = from;
    while (end < chunk.length && chunk[end] !== LINE_FEED && chunk[end] !== CARRIAGE_RETURN) end++;
    const wanted = Math.min(end, from + MAX_SHOWN_NAME - this.#name.length);
    if (wanted > from) this.#name += Buffer.from(chunk.subarray(from, wanted)).toString('latin1');
    return end;
  }

  #endLine(byte: number, i: number): number {
    // CR and LF together are one line end, also where chunks meet.
    if (byte === CARRIAGE_RETURN || !this.#isAfterReturn) this.#line++;
    this.#isAfterReturn = byte === CARRIAGE_RETURN;
    this.#hasCarriageReturns ||= this.#isAfterReturn;
    this.#inHeader = false;
    this.#column = 0;
    return i + 1;
  }

  #startRecord(i: number): number {
    this.#endRecord();
    this.#records++;
    this.#recordBases = 0;
    this.#recordLine = this.#line;
    this.#name = '';
    this.#inHeader = true;
    return i + 1;
  }

  #endRecord(): void {
    if (this.#records === 0 || this.#recordBases > 0) return;
    this.#emptyRecord ??= {
      code: 'empty_record',
      message: `Record ${this.#records} ('${this.#shownName()}', line ${this.#recordLine}) has no sequence. Remove it or add its sequence.`,
      line: this.#recordLine,
      record: this.#records,
    };
  }

  #end(): void {
    this.#endRecord();
    const advice = 'Choose a FASTA file with the genome of the host.';
    if (this.#records === 0) {
      this.#problem = { code: 'empty', message: `The file is empty. ${advice}` };
    } else if (['a', 'c', 'g', 't', 'u'].every((letter) => this.#countOf(letter) === 0)) {
      const what = this.#bases === 0 ? 'only headers, no sequence' : 'no A, C, G or T, only ambiguous bases';
      this.#problem = {
        code: 'no_nucleotides',
        message: `The file holds ${what} (${this.#records} records). ${advice}`,
      };
    } else this.#problem = this.#emptyRecord;
  }

  #refuseStart(chunk: Uint8Array, i: number): number {
    const byte = chunk[i] as number;
    const format = recognizeFormat(chunk.subarray(i));
    const what =
      format === undefined ? `text before the first header ('>name'), beginning with ${showByte(byte)}` : format;
    if (byte === AT_SIGN) {
      this.#problem = {
        code: 'fastq',
        message: `The file is FASTQ: line ${this.#line} begins with '@'. A subtraction needs the genome of the host as FASTA.`,
        line: this.#line,
      };
    } else {
      const message = `The file is not FASTA: line ${this.#line} has ${what}. Every sequence needs a header line before it.`;
      this.#problem = { code: 'no_header', message, line: this.#line };
    }
    return i;
  }

  #refuseCharacter(byte: number): number {
    const where = `Line ${this.#line} (record ${this.#records}, '${this.#shownName()}'), character ${this.#column + 1}`;
    const advice =
      isProtein[byte] === 1
        ? 'This looks like protein; a subtraction needs the nucleotide sequence.'
        : 'Write N for an unknown base.';
    this.#problem = {
      code: 'illegal_character',
      message: `${where}: ${showByte(byte)} is not a nucleotide code. ${advice}`,
      line: this.#line,
      record: this.#records,
    };
    return 0;
  }

  #shownName(): string {
    return this.#name.replace(/[^ -~]/g, ' ').trim();
  }

  #countOf(letter: string): number {
    const lower = this.#counts[letter.charCodeAt(0)] as number;
    return lower + (this.#counts[letter.toUpperCase().charCodeAt(0)] as number);
  }

  #shares(): NucleotideShares {
    const letters = ['a', 't', 'g', 'c', 'n'] as const;
    const countOf = (letter: string) => this.#countOf(letter) + (letter === 't' ? this.#countOf('u') : 0);
    const total = letters.reduce((sum, letter) => sum + countOf(letter), 0);
    const share = (letter: string) => roundHalfEven(countOf(letter) / total, 3);
    return { a: share('a'), t: share('t'), g: share('g'), c: share('c'), n: share('n') };
  }
}
