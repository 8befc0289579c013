import type { ModuleBody } from './base_figures.js';
import { formatDouble } from './fastqc_text.js';

/** Lengths below this have a counter each. */
const SHORT = 65_536;
/** So many longer lengths are told apart; beyond them all are cut to whole hundreds, as lines are 200 wide at least by then. */
const MAX_LONG = 10_000;
const ROUNDING = 100;
/** FastQC's table has no more lines than this and a few. */
const MAX_LINES = 50;

/** A plain copy of the counts: pairs of length and number of reads. */
export type ReadLengthsState = [length: number, reads: number][];

/** Reads by length, in bounded memory. */
export class ReadLengths {
  readonly #short = new Float64Array(SHORT);
  #long = new Map<number, number>();
  #isRounded = false;

  /** Takes over what others have counted. */
  setState(state: ReadLengthsState): void {
    for (const [length, reads] of state) {
      if (length < SHORT) this.#short[length] = reads;
      else this.#long.set(length, reads);
    }
  }

  toState(): ReadLengthsState {
    return [...this.#all()];
  }

  add(length: number): void {
    if (length < SHORT) this.#short[length] = (this.#short[length] as number) + 1;
    else this.#addLong(length, 1);
  }

  /** Numbers of reads by length, or by ranges of lengths, from the shortest read to the longest. */
  module(shortest: number, longest: number): ModuleBody {
    const counted = this.toState();
    const rows = lengthRows(shortest, longest);
    for (const [length, reads] of counted) {
      const row = rows[Math.floor((length - (rows[0]?.first ?? 0)) / (rows[0]?.interval ?? 1))];
      if (row) row.reads += reads;
    }
    // FastQC begins and ends its rows beyond the lengths that occur, and leaves out what is empty there.
    const shown = rows.filter(({ reads }, i) => reads > 0 || (i > 0 && i < rows.length - 1));
    const lines = shown.map((row) => `${row.label}\t${formatDouble(row.reads)}`);
    const hasEmpty = counted.length > 0 && shortest === 0;
    const status = hasEmpty ? 'fail' : shortest < longest ? 'warn' : 'pass';
    return { status, lines: ['#Length\tCount', ...lines] };
  }

  #addLong(length: number, reads: number): void {
    const key = this.#isRounded ? length - (length % ROUNDING) : length;
    this.#long.set(key, (this.#long.get(key) ?? 0) + reads);
    if (this.#isRounded || this.#long.size <= MAX_LONG) return;
    this.#isRounded = true;
    const exact = this.#long;
    this.#long = new Map();
    for (const [each, count] of exact) this.#addLong(each, count);
  }

  *#all(): Generator<[number, number]> {
    for (const [length, reads] of this.#short.entries()) if (reads > 0) yield [length, reads];
    yield* this.#long;
  }
}

type LengthRow = { first: number; interval: number; label: string; reads: number };

function lengthRows(shortest: number, longest: number): LengthRow[] {
  const lowest = Math.max(0, shortest - 1);
  const highest = longest + 1;
  const interval = lengthInterval(highest - lowest);
  const rows: LengthRow[] = [];
  for (let first = lowest - (lowest % interval); first <= highest; first += interval) {
    const last = Math.min(highest, first + interval - 1);
    rows.push({ first, interval, label: interval === 1 ? String(first) : `${first}-${last}`, reads: 0 });
  }
  return rows;
}

function lengthInterval(span: number): number {
  for (let scale = 1; ; scale *= 10) {
    for (const base of [1, 2, 5]) if (Math.floor(span / (base * scale)) <= MAX_LINES) return base * scale;
  }
}
