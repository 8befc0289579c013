import { encodingName, type PhredOffset } from '../phred.js';
import type { CountingMemory } from './counting_memory.js';
import { formatDouble, formatModule, judge, type ModuleStatus } from './fastqc_text.js';
import { groupLabel, type PositionGroup, positionGroups } from './position_groups.js';
import { PositionTable, type PositionTableState, STRIDE } from './position_table.js';

/** FastQC gives a percentile only where more reads than this have a base. */
const READS_FOR_PERCENTILES = 100;
const PERCENTILES = [50, 25, 75, 10, 90] as const;
const N_LETTERS = [...'Nn'].map((letter) => letter.charCodeAt(0));
const N_LIMITS = { warn: 5, fail: 20 };
const CONTENT_LIMITS = { warn: 10, fail: 20 };
/** FastQC's limits of a median, a lower quartile and the commonest mean quality of a read: below, below, at most. */
const MEDIAN_LIMITS = { warn: 25, fail: 20 };
const QUARTILE_LIMITS = { warn: 10, fail: 5 };
const READ_LIMITS = { warn: 27, fail: 20 };

/** In the order of FastQC's table; either case counts. */
const BASES = ['Gg', 'Aa', 'Tt', 'Cc'].map((letters) => [letters.charCodeAt(0), letters.charCodeAt(1)] as const);

/** A module as far as it is worked out: its verdict and its lines. */
export type ModuleBody = { status: ModuleStatus; lines: string[] };

/** A plain copy of the figures. */
export type BaseFiguresState = {
  reads: number;
  bases: number;
  minLength: number;
  maxLength: number;
  qualitiesByPosition: PositionTableState;
  basesByPosition: PositionTableState;
  readsByQuality: Float64Array;
};

/** Numbers of reads, lengths, qualities and bases by position, reads by mean quality; and FastQC's modules of them. */
export class BaseFigures {
  reads = 0;
  bases = 0;
  minLength = 0;
  maxLength = 0;
  readonly #qualities: PositionTable;
  readonly #bases: PositionTable;
  readonly #readsByQuality = new Float64Array(STRIDE);

  constructor(memory: CountingMemory) {
    this.#qualities = new PositionTable(memory);
    this.#bases = new PositionTable(memory);
  }

  /** Takes over what others have counted. */
  setState(state: BaseFiguresState): void {
    this.reads = state.reads;
    this.bases = state.bases;
    this.minLength = state.minLength;
    this.maxLength = state.maxLength;
    this.#qualities.setState(state.qualitiesByPosition);
    this.#bases.setState(state.basesByPosition);
    this.#readsByQuality.set(state.readsByQuality);
  }

  toState(): BaseFiguresState {
    const { reads, bases, minLength, maxLength } = this;
    return {
      ...{ reads, bases, minLength, maxLength },
      qualitiesByPosition: this.#qualities.toState(maxLength),
      basesByPosition: this.#bases.toState(maxLength),
      readsByQuality: this.#readsByQuality.slice(),
    };
  }

  /** Takes a read: the addresses of its bases and its qualities. */
  add(sequence: number, sequenceEnd: number, quality: number, qualityEnd: number): void {
    const length = sequenceEnd - sequence;
    this.minLength = this.reads === 0 ? length : Math.min(this.minLength, length);
    this.maxLength = Math.max(this.maxLength, length);
    this.reads += 1;
    this.bases += length;
    this.#bases.count(sequence, sequenceEnd);
    const sum = this.#qualities.count(quality, qualityEnd);
    if (qualityEnd === quality) return;
    const mean = Math.floor(sum / (qualityEnd - quality));
    this.#readsByQuality[mean] = (this.#readsByQuality[mean] as number) + 1;
  }

  /** Number of each quality character, by its code. */
  qualityCounts(): Float64Array {
    return this.#qualities.totals(this.maxLength);
  }

  /** FastQC's name of the encoding. */
  encoding(offset: PhredOffset): string {
    const lowest = this.qualityCounts().findIndex((count) => count > 0);
    return encodingName(offset, lowest < 0 ? null : lowest);
  }

  /** `35` or `35-301`. */
  lengthText(): string {
    return this.minLength === this.maxLength ? String(this.maxLength) : `${this.minLength}-${this.maxLength}`;
  }

  /** Percent of G and C among the bases that are known, cut to a whole number. */
  gcPercent(): number {
    const totals = this.#bases.totals(this.maxLength);
    const [g, a, t, c] = lettersIn(totals);
    const all = g + a + t + c;
    return all === 0 ? 0 : Math.floor(((g + c) * 100) / all);
  }

  /** Mean, median, quartiles, 10th and 90th percentile by position; undefined where there are no qualities. */
  qualityModule(offset: PhredOffset): ModuleBody {
    const rows = this.groups().map((group) => ({ group, values: this.#groupQuality(group, offset) }));
    const medians = rows.map(({ values }) => -(values[1] as number));
    const quartiles = rows.map(({ values }) => -(values[2] as number));
    const status = worst(judge(medians, negative(MEDIAN_LIMITS)), judge(quartiles, negative(QUARTILE_LIMITS)));
    const heads = '#Base\tMean\tMedian\tLower Quartile\tUpper Quartile\t10th Percentile\t90th Percentile';
    return { status, lines: [heads, ...rows.map(({ group, values }) => positionLine(group, values))] };
  }

  /** Numbers of reads by mean quality, from the lowest to the highest one; those between that no read has included. */
  readQualityModule(offset: PhredOffset): ModuleBody {
    const counts = this.#readsByQuality;
    const lowest = counts.findIndex((count) => count > 0);
    const used = counts.subarray(Math.max(lowest, 0), counts.findLastIndex((count) => count > 0) + 1);
    const commonest = lowest + used.indexOf(Math.max(...used)) - offset;
    const status = commonest <= READ_LIMITS.fail ? 'fail' : commonest <= READ_LIMITS.warn ? 'warn' : 'pass';
    const lines = Array.from(used, (count, i) => `${lowest + i - offset}\t${formatDouble(count)}`);
    return { status, lines: ['#Quality\tCount', ...lines] };
  }

  /** Percent of G, A, T and C by position. */
  contentModule(): ModuleBody {
    const rows = this.groups().map((group) => ({ group, values: this.#groupBases(group) }));
    const differences = rows.flatMap(({ values }) => {
      const [g, a, t, c] = values as [number, number, number, number];
      return [Math.abs(g - c), Math.abs(a - t)];
    });
    const lines = rows.map(({ group, values }) => positionLine(group, values));
    return { status: judge(differences, CONTENT_LIMITS), lines: ['#Base\tG\tA\tT\tC', ...lines] };
  }

  /** Percent of N by position. */
  unknownModule(): ModuleBody {
    const rows = this.groups().map((group) => ({ group, value: this.#groupUnknown(group) }));
    const status = judge(
      rows.map(({ value }) => value),
      N_LIMITS,
    );
    return { status, lines: ['#Base\tN-Count', ...rows.map(({ group, value }) => positionLine(group, [value]))] };
  }

  groups(): PositionGroup[] {
    return positionGroups(this.maxLength);
  }

  #groupBases({ first, last }: PositionGroup): number[] {
    const sums = [0, 0, 0, 0];
    for (const cell of this.#bases.cellsBetween(first, last)) {
      for (const [i, count] of lettersIn(cell).entries()) sums[i] = (sums[i] as number) + count;
    }
    const all = sums.reduce((sum, count) => sum + count, 0);
    return sums.map((count) => (count / all) * 100);
  }

  #groupUnknown({ first, last }: PositionGroup): number {
    let unknown = 0;
    let all = 0;
    for (const cell of this.#bases.cellsBetween(first, last)) {
      for (const letter of N_LETTERS) unknown += cell[letter] as number;
      all += cell.reduce((sum, count) => sum + count, 0);
    }
    return 100 * (unknown / all);
  }

  /** Mean, median, quartiles, 10th and 90th percentile: each the mean of its values at the positions of the group. */
  #groupQuality({ first, last }: PositionGroup, offset: number): number[] {
    const means: number[] = [];
    const percentiles: number[][] = PERCENTILES.map(() => []);
    for (const counts of this.#qualities.cellsBetween(first, last)) {
      const total = counts.reduce((sum, count) => sum + count, 0);
      if (total > 0) means.push(counts.reduce((sum, count, value) => sum + count * (value - offset), 0) / total);
      if (total <= READS_FOR_PERCENTILES) continue;
      for (const [i, percent] of PERCENTILES.entries())
        percentiles[i]?.push(percentile(counts, total, percent) - offset);
    }
    return [means.length > 0 ? mean(means) : 0, ...percentiles.map(mean)];
  }
}

/** A module as text; without a verdict where `isJudged` is false. */
export function moduleText(name: string, { status, lines }: ModuleBody, isJudged = true): string {
  return formatModule(name, isJudged ? status : undefined, lines);
}

/** A line for a group of positions. */
export function positionLine(group: PositionGroup, values: readonly number[]): string {
  return [groupLabel(group), ...values.map(formatDouble)].join('\t');
}

function lettersIn(counts: Uint32Array | Float64Array): [g: number, a: number, t: number, c: number] {
  return BASES.map(([upper, lower]) => (counts[upper] as number) + (counts[lower] as number)) as [
    number,
    number,
    number,
    number,
  ];
}

/** The first character at which the share of the reads is reached; the share is a whole number of reads. */
function percentile(counts: Uint32Array, total: number, percent: number): number {
  const wanted = Math.floor((total * percent) / 100);
  let sum = 0;
  return counts.findIndex((count) => {
    sum += count;
    return sum >= wanted;
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function negative({ warn, fail }: { warn: number; fail: number }): { warn: number; fail: number } {
  return { warn: -warn, fail: -fail };
}

function worst(a: ModuleStatus, b: ModuleStatus): ModuleStatus {
  return [a, b].includes('fail') ? 'fail' : [a, b].includes('warn') ? 'warn' : 'pass';
}
