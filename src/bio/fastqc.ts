import { EXACT_POSITIONS } from './read_quality/position_table.js';

/** Fifty bins at least; more if a read has a mean quality of 50 or above. */
const MIN_QUALITY_BINS = 50;
const BASES_COLUMNS = 6;
const COMPOSITION_COLUMNS = 4;
/** Positions behind `EXACT_POSITIONS` share so many rows at most. */
const MAX_RANGES = 200;

/** What a sample or a cache stores of FastQC's report. */
export type Quality = {
  /** Reads of all files. */
  count: number;
  encoding: string;
  /** Length of the shortest and of the longest read. */
  length: [number, number];
  /** Percent, mean of the files. */
  gc: number;
  /** Per position: mean, median, lower quartile, upper quartile, 10th and 90th percentile. */
  bases: number[][];
  /** Number of reads per mean quality, index = Phred value. */
  sequences: number[];
  /** Per position: percent of G, A, T, C. */
  composition: number[][];
  /** First and last position (from 1) of the rows behind number `EXACT_POSITIONS`, which stand for several; absent where no read is longer. */
  ranges?: [first: number, last: number][];
};

/** A row of a table, and where it holds. */
type Row = { first: number; last: number; values: number[] | undefined };

type Report = {
  count: number;
  encoding: string;
  length: [number, number];
  gc: number;
  bases: Row[];
  sequences: number[];
  composition: Row[];
};

/**
 * Builds the quality object from the `fastqc_data.txt` of one file, or of the two files of a pair: counts are summed, tables and GC averaged;
 * where only one file has a position, that one counts. Table values are cut to whole numbers before averaging. A position without any
 * figure (no read is that long, or all bases are N) is a row of zeros. However long the reads are, there are no more than 5,200 rows. Throws
 * if a text is not a FastQC report.
 */
export function parseFastqc(first: string, second?: string): Quality {
  const a = parseReport(first);
  const b = second === undefined ? undefined : parseReport(second);
  const length: [number, number] = b
    ? [Math.min(a.length[0], b.length[0]), Math.max(a.length[1], b.length[1])]
    : a.length;
  const rows = rowPositions(length[1]);
  const ranges = rows.slice(EXACT_POSITIONS);
  const bins = Math.max(MIN_QUALITY_BINS, a.sequences.length, b?.sequences.length ?? 0);
  return {
    count: a.count + (b?.count ?? 0),
    encoding: a.encoding,
    length,
    gc: b ? (a.gc + b.gc) / 2 : a.gc,
    bases: mergeRows(rows, BASES_COLUMNS, a.bases, b?.bases),
    sequences: Array.from({ length: bins }, (_, i) => (a.sequences[i] ?? 0) + (b?.sequences[i] ?? 0)),
    composition: mergeRows(rows, COMPOSITION_COLUMNS, a.composition, b?.composition),
    ...(ranges.length > 0 && { ranges }),
  };
}

/** The positions of each row of a quality object. */
function rowPositions(longest: number): [first: number, last: number][] {
  const exact = Array.from({ length: Math.min(longest, EXACT_POSITIONS) }, (_, i): [number, number] => [i + 1, i + 1]);
  const behind = longest - exact.length;
  const width = Math.ceil(behind / MAX_RANGES);
  const ranges = Array.from({ length: Math.ceil(behind / width) || 0 }, (_, i): [number, number] => {
    const first = EXACT_POSITIONS + i * width + 1;
    return [first, Math.min(longest, first + width - 1)];
  });
  return [...exact, ...ranges];
}

function mergeRows(positions: [number, number][], columns: number, a: Row[], b: Row[] = []): number[][] {
  const [valuesOfA, valuesOfB] = [valuesByPosition(a), valuesByPosition(b)];
  return positions.map(([first, last]) => {
    // The row that holds in the middle stands for a range.
    const position = Math.floor((first + last) / 2);
    const [one, two] = [valuesOfA(position), valuesOfB(position)];
    if (one && two) return one.map((value, column) => (value + (two[column] ?? value)) / 2);
    return [...(one ?? two ?? new Array<number>(columns).fill(0))];
  });
}

/** Finds the values at positions that are asked for in ascending order; undefined where there is no row, or one without any number. */
function valuesByPosition(rows: Row[]): (position: number) => number[] | undefined {
  let at = 0;
  return (position) => {
    while (at < rows.length && (rows[at] as Row).last < position) at++;
    const row = rows[at];
    return row && row.first <= position ? row.values : undefined;
  };
}

function parseReport(text: string): Report {
  const modules = splitModules(text);
  const basic = new Map(requireModule(modules, 'Basic Statistics').map((line) => splitOnce(line, '\t')));
  const length = requireValue(basic, 'Sequence length').split('-').map(parseNumber);
  return {
    count: parseNumber(requireValue(basic, 'Total Sequences')),
    encoding: requireValue(basic, 'Encoding'),
    length: [length[0] as number, length.at(-1) as number],
    gc: parseNumber(requireValue(basic, '%GC')),
    bases: parseRows(modules.get('Per base sequence quality') ?? [], BASES_COLUMNS),
    sequences: parseHistogram(modules.get('Per sequence quality scores') ?? []),
    composition: parseRows(modules.get('Per base sequence content') ?? [], COMPOSITION_COLUMNS),
  };
}

/** Data lines of each module by its name, without comment lines. */
function splitModules(text: string): Map<string, string[]> {
  const modules = new Map<string, string[]>();
  let current: string[] | undefined;
  for (const line of text.split('\n').map((raw) => raw.trimEnd())) {
    if (line === '>>END_MODULE') current = undefined;
    else if (line.startsWith('>>')) {
      current = [];
      modules.set(splitOnce(line.slice(2), '\t')[0], current);
    } else if (line !== '' && !line.startsWith('#')) current?.push(line);
  }
  return modules;
}

/** Rows in the order of their positions. A row for a range holds at each of its positions. */
function parseRows(lines: string[], columns: number): Row[] {
  return lines.map((line) => {
    const [range = '', ...cells] = line.split(/\s+/);
    if (cells.length < columns) throw new Error(`Could not parse FastQC row '${line}'`);
    const bounds = range.split('-').map(parseNumber);
    return {
      first: bounds[0] as number,
      last: bounds.at(-1) as number,
      values: parseCells(cells.slice(0, columns)),
    };
  });
}

/** Whole parts of the cells. Where one is NaN (few reads are that long), all take the first number; without any there is no row. */
function parseCells(cells: string[]): number[] | undefined {
  const values = cells.map((cell) => (cell === 'NaN' ? Number.NaN : Math.trunc(parseNumber(cell))));
  if (!values.some(Number.isNaN)) return values;
  const first = values.find((value) => !Number.isNaN(value));
  return first === undefined ? undefined : values.map(() => first);
}

function parseHistogram(lines: string[]): number[] {
  const bins: number[] = [];
  for (const line of lines) {
    const [quality = '', count = ''] = line.split(/\s+/);
    // Solexa's qualities begin at -5.
    const bin = Math.max(0, parseNumber(quality));
    bins[bin] = (bins[bin] ?? 0) + Math.trunc(parseNumber(count));
  }
  return bins;
}

/** A number of the report; large and small ones come in exponent form (`1.2345678E7`). */
function parseNumber(text: string): number {
  const value = text === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw new Error(`Could not parse number '${text}' in FastQC report`);
  return value;
}

function requireModule(modules: Map<string, string[]>, name: string): string[] {
  const lines = modules.get(name);
  if (lines === undefined) throw new Error(`FastQC report has no module '${name}'`);
  return lines;
}

function requireValue(values: Map<string, string>, name: string): string {
  const value = values.get(name);
  if (value === undefined) throw new Error(`FastQC report has no value '${name}'`);
  return value;
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}
