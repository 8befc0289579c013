import type { PhredOffset } from '../phred.js';
import type { ModuleBody } from './base_figures.js';
import type { CountingMemory } from './counting_memory.js';
import { formatDouble, judge } from './fastqc_text.js';
import { groupLabel, type PositionGroup, positionGroups } from './position_groups.js';

const COLON = 58;
/** FastQC looks at one of so many reads. */
const SAMPLED = 10;
/** With more tiles the number is taken for something else. */
const MAX_TILES = 1000;
/** Tiles times positions: beyond, there is no module, as without tiles. 1,000 tiles of 1,000 bases fit. */
const MAX_CELLS = 1_002_000;
/** Where names of Casava 1.8 and later (seven fields at least) and of earlier versions (five) have the tile. */
const NAME_FORMS = [
  { fields: 7, tile: 4 },
  { fields: 5, tile: 2 },
] as const;
const LIMITS = { warn: 5, fail: 10 };

type Tile = { sums: Float64Array; counts: Uint32Array };

/** A plain copy of the counts. */
export type TilesState = { tiles: [number, Tile][]; positions: number; isIgnored: boolean };

/** Sums of quality characters by tile of the flow cell and position. */
export class Tiles {
  readonly #memory: CountingMemory;
  #tiles = new Map<number, Tile>();
  #positions = 0;
  #reads = 0;
  #field: number | undefined;
  #isIgnored = false;

  constructor(memory: CountingMemory) {
    this.#memory = memory;
  }

  /** Takes over what others have counted. */
  setState(state: TilesState): void {
    this.#tiles = new Map(state.tiles);
    this.#positions = state.positions;
    this.#isIgnored = state.isIgnored;
  }

  toState(): TilesState {
    return { tiles: [...this.#tiles], positions: this.#positions, isIgnored: this.#isIgnored };
  }

  /** Takes a read: the addresses of its header and its qualities. */
  add(header: number, headerEnd: number, quality: number, qualityEnd: number): void {
    if (this.#isIgnored || quality === qualityEnd) return;
    this.#reads += 1;
    if (this.#reads % SAMPLED !== 0) return;
    const memory = this.#memory.view();
    this.#field ??= tileField(memory, header, headerEnd);
    const number = this.#field === undefined ? undefined : numberIn(memory, header, headerEnd, this.#field);
    this.#positions = Math.max(this.#positions, qualityEnd - quality);
    const isNew = number !== undefined && !this.#tiles.has(number);
    const tiles = this.#tiles.size + (isNew ? 1 : 0);
    if (number === undefined || tiles > MAX_TILES + 1 || tiles * this.#positions > MAX_CELLS) {
      this.#isIgnored = true;
      this.#tiles.clear();
      return;
    }
    this.#count(number, memory, quality, qualityEnd);
  }

  /** By tile and position, how far the mean quality lies from that of all tiles; undefined where the names tell no tiles. */
  module(offset: PhredOffset): ModuleBody | undefined {
    if (this.#isIgnored || this.#tiles.size === 0) return undefined;
    const groups = positionGroups(this.#positions);
    const numbers = [...this.#tiles.keys()].sort((a, b) => a - b);
    const means = numbers.map((number) =>
      groups.map((group) => groupMean(this.#tiles.get(number) as Tile, group, offset)),
    );
    const averages = groups.map(
      (_, column) => means.reduce((sum, row) => sum + (row[column] as number), 0) / means.length,
    );
    const differences = means.map((row) => row.map((mean, column) => mean - (averages[column] as number)));
    const lines = differences.flatMap((row, i) =>
      row.map(
        (value, column) => `${numbers[i]}\t${groupLabel(groups[column] as PositionGroup)}\t${formatDouble(value)}`,
      ),
    );
    return { status: judge(differences.flat().map(Math.abs), LIMITS), lines: ['#Tile\tBase\tMean', ...lines] };
  }

  #count(number: number, memory: DataView, quality: number, qualityEnd: number): void {
    const length = qualityEnd - quality;
    let tile = this.#tiles.get(number);
    if (tile === undefined || tile.sums.length < length) {
      tile = enlarged(tile, length);
      this.#tiles.set(number, tile);
    }
    const { sums, counts } = tile;
    for (let i = 0; i < length; i++) {
      sums[i] = (sums[i] as number) + memory.getUint8(quality + i);
      counts[i] = (counts[i] as number) + 1;
    }
  }
}

function enlarged(tile: Tile | undefined, length: number): Tile {
  const larger = { sums: new Float64Array(length), counts: new Uint32Array(length) };
  larger.sums.set(tile?.sums ?? []);
  larger.counts.set(tile?.counts ?? []);
  return larger;
}

function groupMean({ sums, counts }: Tile, { first, last }: PositionGroup, offset: number): number {
  let sum = 0;
  let positions = 0;
  for (let i = first - 1; i < last; i++) {
    const count = counts[i] ?? 0;
    if (count === 0) continue;
    sum += ((sums[i] as number) - offset * count) / count;
    positions += 1;
  }
  return positions === 0 ? 0 : sum / positions;
}

/** In which of the fields between colons the names have the tile; empty fields at the end do not count. */
function tileField(memory: DataView, start: number, end: number): number | undefined {
  let last = end;
  while (last > start && memory.getUint8(last - 1) === COLON) last--;
  let fields = 1;
  for (let i = start; i < last; i++) if (memory.getUint8(i) === COLON) fields++;
  return NAME_FORMS.find((form) => fields >= form.fields)?.tile;
}

/** The whole number in a field, as Java reads it; undefined where there is none. */
function numberIn(memory: DataView, start: number, end: number, field: number): number | undefined {
  let from = start;
  for (let passed = 0; passed < field; from++) {
    if (from >= end) return undefined;
    if (memory.getUint8(from) === COLON) passed++;
  }
  let number = 0;
  let i = from;
  const sign = i < end ? String.fromCharCode(memory.getUint8(i)) : '';
  if (sign === '-' || sign === '+') i++;
  const digits = i;
  for (; i < end && memory.getUint8(i) !== COLON; i++) {
    const digit = memory.getUint8(i) - 48;
    if (digit < 0 || digit > 9) return undefined;
    number = number * 10 + digit;
  }
  const value = sign === '-' ? -number : number;
  return i > digits && value === (value | 0) ? value : undefined;
}
