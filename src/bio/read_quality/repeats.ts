import type { ModuleBody } from './base_figures.js';
import { formatDouble } from './fastqc_text.js';

/** No more different sequences are told apart, whatever comes behind. */
const MAX_SEQUENCES = 100_000;
/** Longer reads are compared by their beginning alone, as errors would make all of them different. */
const WHOLE = 75;
const BEGINNING = 50;
const WORDS = Math.ceil(WHOLE / 4);
const CAPITALS = 0xdfdfdfdf | 0;
const SLOTS = 1 << 18;
const OVERREPRESENTED = { warn: 0.1, fail: 1 };
const DEDUPLICATED = { warn: 70, fail: 50 };
/** A line for each number of copies up to 9, then for ranges that end here; FastQC puts 10 copies into the first of them. */
const LEVEL_ENDS = [50, 100, 500, 1000, 5000, 10_000];
const LEVELS = [...'123456789', '>10', '>50', '>100', '>500', '>1k', '>5k', '>10k+'];

/** The figures of both modules. */
export type RepeatsState = {
  deduplicated: number;
  /** Percent of the different sequences and of all reads, by level. */
  levels: [number, number][];
  overrepresented: { sequence: string; count: number; percent: number }[];
};

/** Counts how often the same sequence comes: of the first 100,000 different ones. */
export class Repeats {
  #reads = 0;
  #readsWhenFull = 0;
  #size = 0;
  readonly #lengths = new Uint8Array(MAX_SEQUENCES);
  readonly #starts = new Uint32Array(MAX_SEQUENCES);
  readonly #counts = new Uint32Array(MAX_SEQUENCES);
  /** Number of the sequence plus one, 0 for none. */
  readonly #slots = new Int32Array(SLOTS);
  /** Four bases a word, in capitals. */
  #words = new Int32Array(1024 * WORDS);
  #usedWords = 0;
  readonly #read = new Int32Array(WORDS);
  readonly #tail = new DataView(new ArrayBuffer(4));

  /** Takes the bases of a read. */
  add(memory: DataView, start: number, end: number): void {
    const length = end - start > WHOLE ? BEGINNING : end - start;
    this.#reads += 1;
    const hash = this.#load(memory, start, length);
    let slot = hash & (SLOTS - 1);
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & (SLOTS - 1)) {
      const index = (this.#slots[slot] as number) - 1;
      if (!this.#isRead(index, length)) continue;
      this.#counts[index] = (this.#counts[index] as number) + 1;
      if (this.#size < MAX_SEQUENCES) this.#readsWhenFull = this.#reads;
      return;
    }
    if (this.#size === MAX_SEQUENCES) return;
    this.#readsWhenFull = this.#reads;
    this.#insert(slot, length);
  }

  /** Works out the figures of both modules. */
  toState(): RepeatsState {
    const order = this.#javaOrder();
    return { ...this.#levels(order), overrepresented: this.#overrepresented(order) };
  }

  /** Puts the read's words where they can be compared; gives their hash. */
  #load(memory: DataView, start: number, length: number): number {
    const read = this.#read;
    const whole = length >> 2;
    let hash = length;
    for (let i = 0; i < whole; i++) {
      const word = memory.getInt32(start + 4 * i, true) & CAPITALS;
      read[i] = word;
      hash = Math.imul(hash ^ word, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    if (length & 3) {
      this.#tail.setInt32(0, 0);
      for (let i = 4 * whole; i < length; i++) this.#tail.setUint8(i & 3, memory.getUint8(start + i));
      const word = this.#tail.getInt32(0, true) & CAPITALS;
      read[whole] = word;
      hash = Math.imul(hash ^ word, 0x9e3779b1);
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    return hash ^ (hash >>> 13);
  }

  #isRead(index: number, length: number): boolean {
    if (this.#lengths[index] !== length) return false;
    const start = this.#starts[index] as number;
    const words = (length + 3) >> 2;
    for (let i = 0; i < words; i++) if (this.#words[start + i] !== this.#read[i]) return false;
    return true;
  }

  #insert(slot: number, length: number): void {
    const words = (length + 3) >> 2;
    if (this.#usedWords + words > this.#words.length) {
      const larger = new Int32Array(this.#words.length * 2);
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words.set(this.#read.subarray(0, words), this.#usedWords);
    this.#lengths[this.#size] = length;
    this.#starts[this.#size] = this.#usedWords;
    this.#counts[this.#size] = 1;
    this.#usedWords += words;
    this.#size += 1;
    this.#slots[slot] = this.#size;
  }

  #textOf(index: number): string {
    const start = this.#starts[index] as number;
    const bytes = Buffer.from(this.#words.buffer, start * 4, this.#lengths[index] as number);
    // The only sign that is no letter.
    return bytes.toString('latin1').replaceAll(String.fromCharCode('.'.charCodeAt(0) & 0xdf), '.');
  }

  /** The sequences as a hash map of Java goes through them: sums depend on the order in their last digits, and so does that of equal counts. */
  #javaOrder(): number[] {
    const hashes = Array.from({ length: this.#size }, (_, index) => javaHash(this.#textOf(index)));
    return hashMapOrder(hashes);
  }

  #overrepresented(order: readonly number[]): RepeatsState['overrepresented'] {
    return order
      .map((index) => ({ index, count: this.#counts[index] as number }))
      .map(({ index, count }) => ({ index, count, percent: (count / this.#reads) * 100 }))
      .filter(({ percent }) => percent > OVERREPRESENTED.warn)
      .sort((a, b) => b.count - a.count)
      .map(({ index, count, percent }) => ({ sequence: this.#textOf(index), count, percent }));
  }

  #levels(order: readonly number[]): Pick<RepeatsState, 'deduplicated' | 'levels'> {
    const observed = new Map<number, number>();
    for (const index of order) {
      const copies = this.#counts[index] as number;
      observed.set(copies, (observed.get(copies) ?? 0) + 1);
    }
    const numbers = [...observed.keys()];
    const different = new Array<number>(LEVELS.length).fill(0);
    const all = new Array<number>(LEVELS.length).fill(0);
    let differentSum = 0;
    let allSum = 0;
    for (const copies of hashMapOrder(numbers).map((index) => numbers[index] as number)) {
      const count = this.#corrected(copies, observed.get(copies) as number);
      differentSum += count;
      allSum += count * copies;
      const level = levelOf(copies);
      different[level] = (different[level] as number) + count;
      all[level] = (all[level] as number) + count * copies;
    }
    return {
      deduplicated: allSum === 0 ? 100 : (differentSum / allSum) * 100,
      levels: different.map((count, i) => [(count / differentSum) * 100, ((all[i] as number) / allSum) * 100]),
    };
  }

  /** How many sequences with so many copies the whole file has, when so many were seen until no more were taken up. */
  #corrected(copies: number, seen: number): number {
    const [limit, total] = [this.#readsWhenFull, this.#reads];
    if (limit === total || total - seen < limit) return seen;
    // Below this the result would change by less than 0.01 of a sequence.
    const negligible = 1 - seen / (seen + 0.01);
    let missed = 1;
    for (let i = 0; i < limit; i++) {
      missed *= (total - i - copies) / (total - i);
      if (missed < negligible) return seen;
    }
    return seen / (1 - missed);
  }
}

/** The module of duplication levels. */
export function duplicationModule({ deduplicated, levels }: RepeatsState): ModuleBody {
  const lines = levels.map(([different, all], i) => `${LEVELS[i]}\t${formatDouble(different)}\t${formatDouble(all)}`);
  const heads = [
    `#Total Deduplicated Percentage\t${formatDouble(deduplicated)}`,
    '#Duplication Level\tPercentage of deduplicated\tPercentage of total',
  ];
  const status = deduplicated < DEDUPLICATED.fail ? 'fail' : deduplicated < DEDUPLICATED.warn ? 'warn' : 'pass';
  return { status, lines: [...heads, ...lines] };
}

/** The module of overrepresented sequences. No source is named: FastQC's list of contaminants is not ours. */
export function overrepresentedModule({ overrepresented }: RepeatsState): ModuleBody {
  const [first] = overrepresented;
  if (first === undefined) return { status: 'pass', lines: [] };
  const lines = overrepresented.map(
    ({ sequence, count, percent }) => `${sequence}\t${count}\t${formatDouble(percent)}\tNo Hit`,
  );
  const status = first.percent > OVERREPRESENTED.fail ? 'fail' : 'warn';
  return { status, lines: ['#Sequence\tCount\tPercentage\tPossible Source', ...lines] };
}

function levelOf(copies: number): number {
  if (copies < 10) return copies - 1;
  const range = LEVEL_ENDS.findIndex((end) => copies <= end);
  return range < 0 ? LEVELS.length - 1 : 9 + range;
}

function javaHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}

/**
 * In which order Java's `HashMap` goes through keys of these hashes that were put in one after the other: by bucket, and within one as they
 * came.
 */
function hashMapOrder(hashes: readonly number[]): number[] {
  let buckets = 16;
  while (hashes.length > buckets * 0.75) buckets *= 2;
  const bucketOf = (index: number) => {
    const hash = hashes[index] as number;
    return (hash ^ (hash >>> 16)) & (buckets - 1);
  };
  const bucketsByIndex = Int32Array.from(hashes.keys(), bucketOf);
  return Array.from(hashes.keys()).sort(
    (a, b) => (bucketsByIndex[a] as number) - (bucketsByIndex[b] as number) || a - b,
  );
}
