import { type ModuleBody, positionLine } from './base_figures.js';
import type { CountingMemory } from './counting_memory.js';
import { judge } from './fastqc_text.js';
import { positionGroups } from './position_groups.js';
import { EXACT_POSITIONS } from './position_table.js';

/** What FastQC looks for: the first bases that these kits put behind the insert. */
const ADAPTERS = [
  { name: 'Illumina Universal Adapter', bases: 'AGATCGGAAGAG' },
  { name: "Illumina Small RNA 3' Adapter", bases: 'TGGAATTCTCGG' },
  { name: "Illumina Small RNA 5' Adapter", bases: 'GATCGTCGGACT' },
  { name: 'Nextera Transposase Sequence', bases: 'CTGTCTCTTATA' },
  { name: 'SOLID Small RNA Adapter', bases: 'CGCCTTGGCCGT' },
] as const;
const ADAPTER_LENGTH = 12;
const LIMITS = { warn: 5, fail: 10 };
/** Without the bit that makes letters small. */
const CAPITALS = 0xdfdfdfdf | 0;

/**
 * Two words of four bases, eight in a row, lie whole in any adapter that begins in the first of four bases; so each adapter is found by one
 * of four pairs of words, and few other places are looked at.
 */
type WordPair = { adapter: number; shift: number; second: number };
const PAIRS = new Map<number, WordPair[]>();
const MAP_BITS = 65_536;
const pairMap = new Uint8Array(MAP_BITS / 8);
for (const [adapter, { bases }] of ADAPTERS.entries()) {
  for (let shift = 0; shift < 4; shift++) {
    const [first, second] = [wordOf(bases, shift), wordOf(bases, shift + 4)];
    PAIRS.set(first, [...(PAIRS.get(first) ?? []), { adapter, shift, second }]);
    const bit = bitOf(first, second);
    pairMap[bit >> 3] = (pairMap[bit >> 3] as number) | (1 << (bit & 7));
  }
}

/** A plain copy of the counts. */
export type AdaptersState = { starts: Float64Array[]; longest: number };

/** Reads by the position where an adapter begins. */
export class Adapters {
  readonly #memory: CountingMemory;
  readonly #map: number;
  #starts: Float64Array[] = ADAPTERS.map(() => new Float64Array(EXACT_POSITIONS + 1));
  /** Length of the longest read in which a place beside the adapter is left. */
  #longest = 0;
  readonly #found = new Int32Array(ADAPTERS.length);

  constructor(memory: CountingMemory) {
    this.#memory = memory;
    this.#map = memory.reserve(pairMap.length);
    memory.bytes(this.#map, pairMap.length).set(pairMap);
  }

  /** Takes over what others have counted. */
  setState({ starts, longest }: AdaptersState): void {
    this.#starts = starts.map((counts) => counts.slice());
    this.#longest = longest;
  }

  toState(): AdaptersState {
    return { starts: this.#starts.map((counts) => counts.slice()), longest: this.#longest };
  }

  /** Takes the addresses of the bases of a read. */
  add(start: number, end: number): void {
    const length = end - start;
    if (length > this.#longest && length > ADAPTER_LENGTH) this.#longest = length;
    if (length < ADAPTER_LENGTH || this.#longest === 0) return;
    let isFound = false;
    let at = this.#memory.run.findPair(start, end, this.#map);
    for (; at < end; at = this.#memory.run.findPair(at + 4, end, this.#map))
      if (this.#look(this.#memory.view(), start, end, at)) isFound = true;
    if (isFound) this.#count();
  }

  /** Percent of the reads in which an adapter begins at a position or before it. */
  module(reads: number): ModuleBody {
    if (this.#longest < ADAPTER_LENGTH) return { status: 'warn', lines: [] };
    const groups = positionGroups(this.#longest - ADAPTER_LENGTH + 1);
    const columns = this.#starts.map((starts) => {
      const before = cumulated(starts);
      return groups.map(({ first, last }) => {
        let sum = 0;
        for (let i = first - 1; i < last; i++) sum += ((before[Math.min(i, EXACT_POSITIONS)] as number) * 100) / reads;
        return sum / (last - first + 1);
      });
    });
    const lines = groups.map((group, row) =>
      positionLine(
        group,
        columns.map((column) => column[row] as number),
      ),
    );
    const heads = `#Position\t${ADAPTERS.map(({ name }) => name).join('\t')}`;
    return { status: judge(columns.flat(), LIMITS), lines: [heads, ...lines] };
  }

  /** Notes where adapters begin that hold the eight bases from `i` on; the first place of each counts. */
  #look(memory: DataView, start: number, end: number, i: number): boolean {
    const first = memory.getInt32(i, true) & CAPITALS;
    const second = memory.getInt32(i + 4, true) & CAPITALS;
    let isFound = false;
    for (const pair of PAIRS.get(first) ?? []) {
      const at = i - pair.shift;
      if (pair.second !== second || at < start || at + ADAPTER_LENGTH > end) continue;
      if (!isAdapter(memory, at, pair.adapter)) continue;
      const position = at - start + 1;
      const former = this.#found[pair.adapter] as number;
      if (former === 0 || position < former) this.#found[pair.adapter] = position;
      isFound = true;
    }
    return isFound;
  }

  #count(): void {
    this.#found.forEach((position, adapter) => {
      if (position === 0) return;
      const starts = this.#starts[adapter] as Float64Array;
      const cell = Math.min(position - 1, EXACT_POSITIONS);
      starts[cell] = (starts[cell] as number) + 1;
    });
    this.#found.fill(0);
  }
}

function isAdapter(memory: DataView, at: number, adapter: number): boolean {
  const { bases } = ADAPTERS[adapter] as { bases: string };
  for (let i = 0; i < ADAPTER_LENGTH; i += 4) {
    if ((memory.getInt32(at + i, true) & CAPITALS) !== wordOf(bases, i)) return false;
  }
  return true;
}

function cumulated(starts: Float64Array): Float64Array {
  let sum = 0;
  return starts.map((count) => {
    sum += count;
    return sum;
  });
}

/** As the kernel finds them. */
function bitOf(first: number, second: number): number {
  return Math.imul(first ^ Math.imul(second, 0x85ebca6b), 0x9e3779b1) >>> 16;
}

function wordOf(bases: string, at: number): number {
  return Buffer.from(bases, 'latin1').readInt32LE(at);
}
