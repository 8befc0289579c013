import { viewOf } from './memory.js';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
/** Counters of a position: one per character. */
const STRIDE = 128;
const FIRST_POSITIONS = 256;
/** FastQC gives a percentile only where more reads than this have a base. */
const READS_FOR_PERCENTILES = 100;
const PERCENTILES = [50, 25, 75, 10, 90] as const;

/** In the order of FastQC's table; either case counts. */
const BASES = ['Gg', 'Aa', 'Tt', 'Cc'].map((letters) => [letters.charCodeAt(0), letters.charCodeAt(1)] as const);

/**
 * Counts what FastQC 0.11.9 reports of FASTQ text: numbers of reads, lengths, qualities and bases by position, reads by mean quality. The
 * text comes in chunks of any size, four whole lines a record, as a trimming program writes it.
 */
export class ReadStatistics {
  #rest: Buffer = Buffer.alloc(0);
  #reads = 0;
  #minLength = 0;
  #maxLength = 0;
  #qualities = new Uint32Array(FIRST_POSITIONS * STRIDE);
  #bases = new Uint32Array(FIRST_POSITIONS * STRIDE);
  readonly #readsByQuality = new Float64Array(STRIDE);

  /** Takes the next bytes. */
  push(chunk: Buffer): void {
    const text = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    const memory = viewOf(text);
    let start = 0;
    for (;;) {
      const sequence = text.indexOf(LINE_FEED, start) + 1;
      const plus = sequence && text.indexOf(LINE_FEED, sequence) + 1;
      // A record has as many qualities as bases, and mostly nothing behind the plus: quicker than to search for the ends.
      const quality = plus && lineEnd(text, plus, 1);
      const end = quality && lineEnd(text, quality, plus - 1 - sequence);
      if (!end) break;
      this.#addRecord(memory, sequence, plus - 1, quality, end - 1);
      start = end;
    }
    // A copy, as the chunk's memory may be used again.
    this.#rest = Buffer.from(text.subarray(start));
  }

  /**
   * The modules of `fastqc_data.txt` that a quality object is made of, with FastQC's values.
   *
   * @throws SyntaxError when the text ended within a record.
   */
  report(): string {
    if (this.#rest.length > 0) throw new SyntaxError(`The reads end in the middle of record ${this.#reads + 1}`);
    const { name, offset } = encodingOf(this.#lowestQuality());
    const groups = positionGroups(this.#maxLength);
    const isOneLength = this.#minLength === this.#maxLength;
    const basic = [
      ['Encoding', name],
      ['Total Sequences', String(this.#reads)],
      ['Sequence length', isOneLength ? String(this.#maxLength) : `${this.#minLength}-${this.#maxLength}`],
      ['%GC', String(this.#gcPercent())],
    ];
    const sequences = this.#qualityRows(offset);
    const modules = [
      formatModule('Basic Statistics', '#Measure\tValue', basic),
      formatModule(
        'Per base sequence quality',
        '#Base\tMean\tMedian\tLower Quartile\tUpper Quartile\t10th Percentile\t90th Percentile',
        groups.map((group) => [label(group), ...this.#groupQuality(group, offset).map(formatNumber)]),
      ),
      formatModule('Per sequence quality scores', '#Quality\tCount', sequences),
      formatModule(
        'Per base sequence content',
        '#Base\tG\tA\tT\tC',
        groups.map((group) => [label(group), ...this.#groupBases(group).map(formatNumber)]),
      ),
    ];
    return `##Counted while trimming, as FastQC 0.11.9 counts\n${modules.join('')}`;
  }

  #addRecord(memory: DataView, sequence: number, sequenceEnd: number, quality: number, qualityEnd: number): void {
    const bases = withoutReturn(memory, sequence, sequenceEnd);
    const values = withoutReturn(memory, quality, qualityEnd);
    const length = bases - sequence;
    this.#minLength = this.#reads === 0 ? length : Math.min(this.#minLength, length);
    this.#maxLength = Math.max(this.#maxLength, length);
    this.#reads += 1;
    this.#makeRoom(Math.max(length, values - quality));
    countByPosition(memory, sequence, bases, this.#bases);
    const sum = countByPosition(memory, quality, values, this.#qualities);
    if (values === quality) return;
    const mean = Math.floor(sum / (values - quality));
    this.#readsByQuality[mean] = (this.#readsByQuality[mean] as number) + 1;
  }

  #makeRoom(positions: number): void {
    const room = this.#qualities.length / STRIDE;
    if (positions <= room) return;
    const wanted = Math.max(positions, room * 2);
    this.#qualities = enlarged(this.#qualities, wanted * STRIDE);
    this.#bases = enlarged(this.#bases, wanted * STRIDE);
  }

  #lowestQuality(): number {
    let lowest = STRIDE;
    this.#qualities.forEach((count, cell) => {
      if (count > 0) lowest = Math.min(lowest, cell % STRIDE);
    });
    return lowest;
  }

  #gcPercent(): number {
    const [g, a, t, c] = this.#countBases({ first: 1, last: this.#maxLength });
    const all = g + a + t + c;
    return all === 0 ? 0 : Math.floor(((g + c) * 100) / all);
  }

  /** Numbers of G, A, T and C. */
  #countBases({ first, last }: Group): [g: number, a: number, t: number, c: number] {
    const counts: [number, number, number, number] = [0, 0, 0, 0];
    for (let position = first - 1; position < last; position += 1) {
      for (const [i, letters] of BASES.entries()) {
        for (const letter of letters) counts[i as 0 | 1 | 2 | 3] += this.#bases[position * STRIDE + letter] as number;
      }
    }
    return counts;
  }

  #groupBases(group: Group): number[] {
    const counts = this.#countBases(group);
    const all = counts.reduce((sum, count) => sum + count, 0);
    return counts.map((count) => (count / all) * 100);
  }

  /** Mean, median, quartiles, 10th and 90th percentile: each the mean of its values at the positions of the group. */
  #groupQuality({ first, last }: Group, offset: number): number[] {
    const means: number[] = [];
    const percentiles: number[][] = PERCENTILES.map(() => []);
    for (let position = first - 1; position < last; position += 1) {
      const counts = this.#qualities.subarray(position * STRIDE, (position + 1) * STRIDE);
      const total = counts.reduce((sum, count) => sum + count, 0);
      if (total > 0) means.push(counts.reduce((sum, count, value) => sum + count * (value - offset), 0) / total);
      if (total <= READS_FOR_PERCENTILES) continue;
      for (const [i, percent] of PERCENTILES.entries())
        percentiles[i]?.push(percentile(counts, total, percent) - offset);
    }
    return [means.length > 0 ? mean(means) : 0, ...percentiles.map(mean)];
  }

  /** From the lowest mean quality to the highest one, those between that no read has included. */
  #qualityRows(offset: number): string[][] {
    const used = Array.from(this.#readsByQuality.keys()).filter((quality) => this.#readsByQuality[quality]);
    const [lowest = 0, highest = -1] = [used[0], used.at(-1)];
    return Array.from({ length: highest - lowest + 1 }, (_, i) => {
      return [String(lowest + i - offset), formatNumber(this.#readsByQuality[lowest + i] as number)];
    });
  }
}

/** Positions from 1, both ends included. */
type Group = { first: number; last: number };

/** FastQC's lines of a table: every position up to 9, behind them ranges, so that there are fewer than 75. */
function positionGroups(positions: number): Group[] {
  const interval = positions <= 75 ? 1 : groupInterval(positions);
  const groups: Group[] = [];
  for (let first = 1; first <= positions; first = (groups.at(-1) as Group).last + 1) {
    let last = first < 10 ? first : first + interval - 1;
    // The first range ends where the others begin: 10-19 for 20, then 20-39.
    if (first === 10 && interval > 10) last = interval - 1;
    groups.push({ first, last: Math.min(last, positions) });
  }
  return groups;
}

function groupInterval(positions: number): number {
  for (let scale = 1; ; scale *= 10) {
    for (const base of [2, 5, 10]) if (9 + Math.ceil((positions - 9) / (base * scale)) < 75) return base * scale;
  }
}

/** FastQC's guess of the encoding from the lowest quality character of all reads. */
function encodingOf(lowest: number): { name: string; offset: number } {
  if (lowest < 64) return { name: 'Sanger / Illumina 1.9', offset: 33 };
  return { name: lowest === 65 ? 'Illumina 1.3' : 'Illumina 1.5', offset: 64 };
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

/** Where the line behind the one from `start` begins, which has so many characters if the end of a line is there; 0 without any end. */
function lineEnd(text: Buffer, start: number, expected: number): number {
  return text[start + expected] === LINE_FEED ? start + expected + 1 : text.indexOf(LINE_FEED, start) + 1;
}

function withoutReturn(memory: DataView, start: number, end: number): number {
  return end > start && memory.getUint8(end - 1) === CARRIAGE_RETURN ? end - 1 : end;
}

/** Counts the characters of a line by position, four at a time; gives the sum of their codes. */
function countByPosition(memory: DataView, start: number, end: number, counts: Uint32Array): number {
  let sum = 0;
  let at = 0;
  let i = start;
  for (; i + 4 <= end; i += 4, at += 4 * STRIDE) {
    const word = memory.getInt32(i, true);
    const [a, b, c, d] = [word & 127, (word >> 8) & 127, (word >> 16) & 127, (word >> 24) & 127];
    counts[at + a] = (counts[at + a] as number) + 1;
    counts[at + STRIDE + b] = (counts[at + STRIDE + b] as number) + 1;
    counts[at + 2 * STRIDE + c] = (counts[at + 2 * STRIDE + c] as number) + 1;
    counts[at + 3 * STRIDE + d] = (counts[at + 3 * STRIDE + d] as number) + 1;
    sum += a + b + c + d;
  }
  for (; i < end; i++, at += STRIDE) {
    const code = memory.getUint8(i) & 127;
    counts[at + code] = (counts[at + code] as number) + 1;
    sum += code;
  }
  return sum;
}

function enlarged(counts: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(length);
  larger.set(counts);
  return larger;
}

function label({ first, last }: Group): string {
  return first === last ? String(first) : `${first}-${last}`;
}

function formatNumber(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

function formatModule(name: string, heads: string, rows: readonly (readonly string[])[]): string {
  return `>>${name}\n${heads}\n${rows.map((row) => `${row.join('\t')}\n`).join('')}>>END_MODULE\n`;
}
