import { copyBytes, hashOf, isEqual, textOf, viewOf } from './memory.js';
import { firstWordEnd } from './name_hash.js';

const SLASH = 47;
const POINT = 46;
const UNDERSCORE = 95;
const ONE = 49;
const THREE = 51;
const N = 78;
const SMALL_N = 110;
const START_BYTES = 64 * 1024;
const SHOWN_CHARACTERS = 80;

/** Which of the two files of a pair: left or right. */
export type Side = 0 | 1;

/** Why two files are not those of a pair. */
export type MateProblem =
  | { code: 'names'; record: number; names: [left: string, right: string] }
  | { code: 'counts'; counts: [left: number, right: number] }
  | { code: 'same_sequences' };

/**
 * Compares the records of two files one by one: the n-th of each are mates when the first words of their names are equal, or equal less a
 * `/1` and `/2`, `.1` and `.2` or `_1` and `_2` at their ends. Also tells whether both files hold the same sequences. The files may come in
 * pieces of any size; only the names that wait for those of the other file are kept.
 */
export class MateComparer {
  readonly #byName: boolean;
  readonly #waiting: [NameQueue, NameQueue] = [new NameQueue(), new NameQueue()];
  readonly #reads: [number, number] = [0, 0];
  readonly #hasEnded: [boolean, boolean] = [false, false];
  #areSequencesEqual = true;
  #haveBases = false;
  /** Of the pairs that only a last digit behind `.` or `_` tells apart: how many, and the first one. */
  #marked = 0;
  #firstMarked: MateProblem | undefined;
  #problem: MateProblem | undefined;

  /** Without `byName` names may be anything. */
  constructor(byName: boolean) {
    this.#byName = byName;
  }

  /** The first difference, as soon as it is known. */
  get problem(): MateProblem | undefined {
    return this.#problem;
  }

  /** The number of records of each file so far; feed the file that has fewer. */
  get reads(): readonly [number, number] {
    return this.#reads;
  }

  /** Takes the next record of a file: places of its header and its sequence in `memory`. */
  take(side: Side, memory: DataView, header: number, headerEnd: number, sequence: number, sequenceEnd: number): void {
    this.#reads[side]++;
    const others = this.#waiting[1 - side] as NameQueue;
    if (this.#problem || (this.#hasEnded[1 - side] && others.isEmpty)) return;
    const hash = this.#areSequencesEqual ? this.#hashSequence(memory, sequence, sequenceEnd) : 0;
    const nameEnd = this.#byName ? firstWordEnd(memory, header, headerEnd) : header;
    if (others.isEmpty) this.#waiting[side].push(memory, header, nameEnd, hash);
    else {
      const other = others.shift();
      if (other.hash !== hash) this.#areSequencesEqual = false;
      if (this.#byName) this.#compare(side, memory, header, nameEnd, others.memory, other.start, other.end);
    }
  }

  /** Says that a file has no more records. */
  end(side: Side): void {
    this.#hasEnded[side] = true;
    if (!this.#hasEnded[1 - side] || this.#problem) return;
    const [left, right] = this.#reads;
    if (left !== right) this.#problem = { code: 'counts', counts: [left, right] };
    else if (this.#areSequencesEqual && this.#haveBases) this.#problem = { code: 'same_sequences' };
  }

  #hashSequence(memory: DataView, start: number, end: number): number {
    for (let i = start; i < end && !this.#haveBases; i++) {
      const byte = memory.getUint8(i);
      this.#haveBases = byte !== N && byte !== SMALL_N;
    }
    return hashOf(memory, start, end);
  }

  #compare(
    side: Side,
    memory: DataView,
    start: number,
    end: number,
    other: DataView,
    otherStart: number,
    otherEnd: number,
  ): void {
    const length = end - start;
    if (length === otherEnd - otherStart && isEqual(memory, start, end, other, otherStart)) return;
    const mark = markAt(memory, start, end);
    const otherMark = markAt(other, otherStart, otherEnd);
    const stem = mark === 0 ? length : length - 2;
    const otherStem = otherMark === 0 ? otherEnd - otherStart : otherEnd - otherStart - 2;
    const areMates =
      stem === otherStem &&
      (mark === otherMark || mark === 0 || otherMark === 0) &&
      isEqual(memory, start, start + stem, other, otherStart);
    if (areMates && (mark === SLASH || otherMark === SLASH)) return;
    const record = this.#reads[side];
    const names: [string, string] = [shown(memory, start, end), shown(other, otherStart, otherEnd)];
    const problem: MateProblem = { code: 'names', record, names: side === 0 ? names : [names[1], names[0]] };
    if (areMates) {
      this.#marked++;
      this.#firstMarked ??= problem;
    } else {
      // x.1 beside x.2 are mates if all are so named; where x.2 beside x.3 follows, they were the first two reads.
      this.#problem = this.#marked === 1 && (mark === 0 || otherMark === 0) ? this.#firstMarked : problem;
    }
  }
}

/** The character before a last digit that tells mates apart; 0 if there is none. */
function markAt(memory: DataView, start: number, end: number): number {
  if (end - start < 3) return 0;
  const digit = memory.getUint8(end - 1);
  const mark = memory.getUint8(end - 2);
  if (digit < ONE || digit > THREE) return 0;
  // Release 1.7 of Illumina's software counted the index read, so mates may be 1 and 3.
  if (mark === SLASH) return mark;
  return digit < THREE && (mark === POINT || mark === UNDERSCORE) ? mark : 0;
}

function shown(memory: DataView, start: number, end: number): string {
  const text = textOf(memory, start, Math.min(end, start + SHOWN_CHARACTERS));
  return end - start > SHOWN_CHARACTERS ? `${text}…` : text;
}

/** Names in the order of their arrival, with a number each. */
class NameQueue {
  #bytes = Buffer.alloc(START_BYTES);
  memory = viewOf(this.#bytes);
  #start = 0;
  #end = 0;
  #lengths: number[] = [];
  #hashes: number[] = [];
  #next = 0;

  get isEmpty(): boolean {
    return this.#next === this.#lengths.length;
  }

  push(from: DataView, start: number, end: number, hash: number): void {
    if (this.isEmpty) this.#clear();
    const length = end - start;
    if (this.#end + length > this.#bytes.length) this.#widen(length);
    copyBytes(from, start, end, this.memory, this.#end);
    this.#end += length;
    this.#lengths.push(length);
    this.#hashes.push(hash);
  }

  /** The oldest one: its place in `memory`, good until the next push. */
  shift(): { start: number; end: number; hash: number } {
    const start = this.#start;
    const end = start + (this.#lengths[this.#next] as number);
    const hash = this.#hashes[this.#next] as number;
    this.#next++;
    this.#start = end;
    return { start, end, hash };
  }

  #clear(): void {
    this.#start = 0;
    this.#end = 0;
    this.#next = 0;
    this.#lengths.length = 0;
    this.#hashes.length = 0;
  }

  #widen(length: number): void {
    const wider = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#end + length));
    this.#bytes.copy(wider, 0, 0, this.#end);
    this.#bytes = wider;
    this.memory = viewOf(wider);
  }
}
