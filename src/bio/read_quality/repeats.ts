import type { ModuleBody } from './base_figures.js';
import type { CountingMemory } from './counting_memory.js';
import { formatDouble } from './fastqc_text.js';

/** No more different sequences are told apart, whatever comes behind. */
const MAX_SEQUENCES = 100_000;
/** Longer reads are compared by their beginning alone, as errors would make all of them different. */
const WHOLE = 75;
const BEGINNING = 50;
const SLOTS = 1 << 18;
const SLOT_BYTES = 8;
/** Count and length, before the bases. */
const ENTRY_HEAD_BYTES = 8;
const ENTRY_BYTES = ENTRY_HEAD_BYTES + Math.ceil(WHOLE / 4) * 4;
const OVERREPRESENTED = { warn: 0.1, fail: 1 };
const DEDUPLICATED = { warn: 70, fail: 50 };
/** A line for each number of copies up to 9, then for ranges that end here; FastQC puts 10 copies into the first of them. */
const LEVEL_ENDS = [50, 100, 500, 1000, 5000, 10_000];
const LEVELS = [...'123456789', '>10', '>50', '>100', '>500', '>1k', '>5k', '>10k+'];

/** What is left of a point when letters are made capitals by taking a bit away. */
const POINT = '.'.charCodeAt(0);
const POINT_IN_CAPITALS = POINT & 0xdf;

/** Numbers of reads with the same sequence: how many, and the sequence's address and length. */
type Entry = { count: number; address: number; length: number };

/** The figures of both modules. */
export type RepeatsState = {
  deduplicated: number;
  /** Percent of the different sequences and of all reads, by level. */
  levels: [number, number][];
  overrepresented: { sequence: string; count: number; percent: number }[];
};

/** Counts how often the same sequence comes: of the first 100,000 different ones. */
export class Repeats {
  readonly #memory: CountingMemory;
  readonly #slots: number;
  readonly #entries: number;
  /** Address behind the last entry. */
  #end: number;
  #size = 0;
  #reads = 0;
  #readsWhenFull = 0;

  constructor(memory: CountingMemory) {
    this.#memory = memory;
    this.#slots = memory.reserve(SLOTS * SLOT_BYTES);
    this.#entries = memory.reserve(MAX_SEQUENCES * ENTRY_BYTES);
    this.#end = this.#entries;
  }

  /** Takes the addresses of the bases of a read. */
  add(start: number, end: number): void {
    const length = end - start > WHOLE ? BEGINNING : end - start;
    const isOpen = this.#size < MAX_SEQUENCES;
    this.#reads += 1;
    if (isOpen) this.#readsWhenFull = this.#reads;
    const entryEnd = this.#memory.run.countRepeat(start, length, this.#slots, SLOTS - 1, isOpen ? this.#end : 0);
    if (entryEnd <= 0) return;
    this.#end = entryEnd;
    this.#size += 1;
  }

  /** Works out the figures of both modules. */
  toState(): RepeatsState {
    const entries = this.#listEntries();
    const order = hashMapOrder(this.#hashes(entries));
    // Sums depend on the order in their last digits, and so does that of equal counts.
    const ordered = Array.from(order, (index) => entries[index] as Entry);
    return { ...this.#levels(ordered), overrepresented: this.#overrepresented(ordered) };
  }

  #listEntries(): Entry[] {
    const view = this.#memory.view();
    const entries: Entry[] = [];
    for (let at = this.#entries; at < this.#end; ) {
      const length = view.getUint32(at + 4, true);
      entries.push({ count: view.getUint32(at, true), address: at + ENTRY_HEAD_BYTES, length });
      at += ENTRY_HEAD_BYTES + Math.ceil(length / 4) * 4;
    }
    return entries;
  }

  /** Java's hashes of the sequences as text. */
  #hashes(entries: readonly Entry[]): Int32Array {
    const bytes = this.#memory.bytes(0, this.#end);
    return Int32Array.from(entries, ({ address, length }) => {
      let hash = 0;
      for (let at = address; at < address + length; at++) {
        const code = bytes[at] as number;
        hash = (Math.imul(hash, 31) + (code === POINT_IN_CAPITALS ? POINT : code)) | 0;
      }
      return hash;
    });
  }

  #textOf({ address, length }: Entry): string {
    const text = this.#memory.bytes(address, length).toString('latin1');
    return text.replaceAll(String.fromCharCode(POINT_IN_CAPITALS), '.');
  }

  #overrepresented(entries: readonly Entry[]): RepeatsState['overrepresented'] {
    return entries
      .filter(({ count }) => (count / this.#reads) * 100 > OVERREPRESENTED.warn)
      .map((entry) => ({
        sequence: this.#textOf(entry),
        count: entry.count,
        percent: (entry.count / this.#reads) * 100,
      }))
      .sort((a, b) => b.count - a.count);
  }

  #levels(entries: readonly Entry[]): Pick<RepeatsState, 'deduplicated' | 'levels'> {
    const observed = new Map<number, number>();
    for (const { count: copies } of entries) {
      observed.set(copies, (observed.get(copies) ?? 0) + 1);
    }
    const numbers = [...observed.keys()];
    const different = new Array<number>(LEVELS.length).fill(0);
    const all = new Array<number>(LEVELS.length).fill(0);
    let differentSum = 0;
    let allSum = 0;
    for (const index of hashMapOrder(Int32Array.from(numbers))) {
      const copies = numbers[index] as number;
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

/**
 * In which order Java's `HashMap` goes through keys of these hashes that were put in one after the other: by bucket, and within one as they
 * came.
 */
function hashMapOrder(hashes: Int32Array): Uint32Array {
  let buckets = 16;
  while (hashes.length > buckets * 0.75) buckets *= 2;
  const bucketsByIndex = hashes.map((hash) => (hash ^ (hash >>> 16)) & (buckets - 1));
  // The place of the next index of each bucket.
  const places = new Uint32Array(buckets + 1);
  for (const bucket of bucketsByIndex) (places[bucket + 1] as number)++;
  for (const [bucket, place] of places.entries()) (places[bucket + 1] as number) += place;
  const order = new Uint32Array(hashes.length);
  for (const [index, bucket] of bucketsByIndex.entries()) order[(places[bucket] as number)++] = index;
  return order;
}
