const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
/** Counters of a position: one per quality character; G, A, T, C and anything else. */
const QUALITY_STRIDE = 128;
const BASE_STRIDE = 5;
const FIRST_POSITIONS = 256;
/** FastQC gives a percentile only where more reads than this have a base. */
const READS_FOR_PERCENTILES = 100;
const PERCENTILES = [50, 25, 75, 10, 90] as const;

const BASE_CODES = new Uint8Array(256).fill(4);
for (const [code, letters] of ['Gg', 'Aa', 'Tt', 'Cc'].entries()) {
  for (const letter of letters) BASE_CODES[letter.charCodeAt(0)] = code;
}

/**
 * Counts what FastQC 0.11.9 reports of FASTQ text: numbers of reads, lengths, qualities and bases by position, reads by mean quality. The
 * text comes in chunks of any size, four whole lines a record, as a trimming program writes it.
 */
export class ReadStatistics {
  #rest: Buffer = Buffer.alloc(0);
  #reads = 0;
  #minLength = 0;
  #maxLength = 0;
  #qualities = new Uint32Array(FIRST_POSITIONS * QUALITY_STRIDE);
  #bases = new Uint32Array(FIRST_POSITIONS * BASE_STRIDE);
  readonly #readsByQuality = new Float64Array(QUALITY_STRIDE);

  /** Takes the next bytes. */
  push(chunk: Buffer): void {
    const text = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    let start = 0;
    for (;;) {
      const sequence = text.indexOf(LINE_FEED, start) + 1;
      const plus = sequence && text.indexOf(LINE_FEED, sequence) + 1;
      const quality = plus && text.indexOf(LINE_FEED, plus) + 1;
      const end = quality && text.indexOf(LINE_FEED, quality) + 1;
      if (!end) break;
      this.#addRecord(text, sequence, plus - 1, quality, end - 1);
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

  #addRecord(text: Buffer, sequence: number, sequenceEnd: number, quality: number, qualityEnd: number): void {
    const bases = withoutReturn(text, sequence, sequenceEnd);
    const values = withoutReturn(text, quality, qualityEnd);
    const length = bases - sequence;
    this.#minLength = this.#reads === 0 ? length : Math.min(this.#minLength, length);
    this.#maxLength = Math.max(this.#maxLength, length);
    this.#reads += 1;
    this.#makeRoom(Math.max(length, values - quality));
    const baseCounts = this.#bases;
    for (let i = sequence, at = 0; i < bases; i += 1, at += BASE_STRIDE) {
      const cell = at + (BASE_CODES[text[i] as number] as number);
      baseCounts[cell] = (baseCounts[cell] as number) + 1;
    }
    const qualityCounts = this.#qualities;
    let sum = 0;
    for (let i = quality, at = 0; i < values; i += 1, at += QUALITY_STRIDE) {
      const value = (text[i] as number) & 127;
      sum += value;
      qualityCounts[at + value] = (qualityCounts[at + value] as number) + 1;
    }
    if (values === quality) return;
    const mean = Math.floor(sum / (values - quality));
    this.#readsByQuality[mean] = (this.#readsByQuality[mean] as number) + 1;
  }

  #makeRoom(positions: number): void {
    const room = this.#qualities.length / QUALITY_STRIDE;
    if (positions <= room) return;
    const wanted = Math.max(positions, room * 2);
    this.#qualities = enlarged(this.#qualities, wanted * QUALITY_STRIDE);
    this.#bases = enlarged(this.#bases, wanted * BASE_STRIDE);
  }

  #lowestQuality(): number {
    let lowest = QUALITY_STRIDE;
    this.#qualities.forEach((count, cell) => {
      if (count > 0) lowest = Math.min(lowest, cell % QUALITY_STRIDE);
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
      for (const code of [0, 1, 2, 3] as const) counts[code] += this.#bases[position * BASE_STRIDE + code] as number;
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
      const counts = this.#qualities.subarray(position * QUALITY_STRIDE, (position + 1) * QUALITY_STRIDE);
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

function withoutReturn(text: Buffer, start: number, end: number): number {
  return end > start && text[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
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
