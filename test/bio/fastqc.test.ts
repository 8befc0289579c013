import { BSON } from 'mongodb';
import { describe, expect, test } from 'vitest';
import { parseFastqc, type Quality } from '../../src/bio/fastqc.js';
import { RawReadStatistics } from '../../src/bio/raw_read_statistics.js';
import { goldenFolders, goldenJson, goldenText, hasGolden } from './golden.js';

type Expected = { files: number; quality?: Partial<Quality>; failed_in?: string };

const cases = goldenFolders('fastqc/').map((name) => ({
  name,
  expected: goldenJson<Expected>(`fastqc/${name}/expected.json`),
}));

function parseCase(name: string): Quality {
  const second = `fastqc/${name}/fastqc_2.txt`;
  return parseFastqc(goldenText(`fastqc/${name}/fastqc_1.txt`), hasGolden(second) ? goldenText(second) : undefined);
}

/** A FastQC report with the given modules. */
function report(
  options: { count?: string; length?: string; bases?: string[]; qualities?: string[]; composition?: string[] } = {},
): string {
  const { count = '10', length = '2', bases = [], qualities = [], composition = [] } = options;
  const module = (name: string, rows: string[]) => [`>>${name}\tpass`, '#Head\tLine', ...rows, '>>END_MODULE'];
  return [
    '##FastQC\t0.11.9',
    ...module('Basic Statistics', [
      'Filename\treads_1.fq.gz',
      'Encoding\tSanger / Illumina 1.9',
      `Total Sequences\t${count}`,
      `Sequence length\t${length}`,
      '%GC\t47',
    ]),
    ...module('Per base sequence quality', bases),
    ...module('Per sequence quality scores', qualities),
    ...module('Per base sequence content', composition),
    '',
  ].join('\n');
}

// Exact, integers as integers. The original kept a line feed behind the encoding; it is cut here.
test.each(cases.filter(({ expected }) => expected.quality))('quality of $name', ({ name, expected }) => {
  const quality = expected.quality!;
  expect(parseCase(name)).toMatchObject({ ...quality, encoding: quality.encoding?.trimEnd() });
});

test('every field is there even if FastQC left modules out for want of reads', () => {
  expect(parseCase('empty')).toEqual({
    count: 0,
    encoding: 'Illumina 1.5',
    length: [0, 0],
    gc: 0,
    bases: [],
    sequences: new Array(50).fill(0),
    composition: [],
  });
});

// In this case all reads have an N at position 20, and FastQC writes NaN for each share.
test('a position where all reads have N has a composition of zeros', () => {
  const quality = parseCase('head_all_n');
  expect(quality.composition[19]).toEqual([0, 0, 0, 0]);
  expect(quality.composition[18]).toEqual([28, 25, 24, 22]);
  expect(quality.composition.filter((row) => row.every((share) => share === 0))).toHaveLength(1);
  expect(quality.bases[19]?.every((value) => value > 0)).toBe(true);
});

test('a second file with longer reads: where only it has a position, its row counts', () => {
  const quality = parseCase('paired_second_longer');
  const second = parseFastqc(goldenText('fastqc/paired_second_longer/fastqc_2.txt'));
  const first = parseFastqc(goldenText('fastqc/paired_second_longer/fastqc_1.txt'));
  expect(quality.length).toEqual([45, 60]);
  expect(quality.count).toBe(400);
  expect(quality.bases).toHaveLength(60);
  expect(quality.composition).toHaveLength(60);
  expect(quality.bases.slice(45)).toEqual(second.bases.slice(45));
  expect(quality.composition.slice(45)).toEqual(second.composition.slice(45));
  expect(quality.bases[0]).toEqual(first.bases[0]!.map((value, i) => (value + second.bases[0]![i]!) / 2));
  // The other way round the longer file comes first; the tables are the same.
  const swapped = parseFastqc(
    goldenText('fastqc/paired_second_longer/fastqc_2.txt'),
    goldenText('fastqc/paired_second_longer/fastqc_1.txt'),
  );
  expect(swapped).toEqual(quality);
});

describe('numbers', () => {
  test('exponent forms are read as numbers, then cut', () => {
    const quality = parseFastqc(
      report({
        qualities: ['36\t1.2345678E7', '37\t9.5E-4', '38\t12.9'],
        composition: ['1\t9.5E-4\t2.9\t1.0E1\t87.1'],
        count: '12345690',
      }),
    );
    expect(quality.sequences.slice(36, 39)).toEqual([12345678, 0, 12]);
    expect(quality.composition[0]).toEqual([0, 2, 10, 87]);
    expect(quality.count).toBe(12345690);
  });

  test('mean qualities of 50 and more have bins', () => {
    const { sequences } = parseFastqc(
      report({ qualities: ['49\t1.0', '62\t3.0'] }),
      report({ qualities: ['62\t4.0', '70\t1.0'] }),
    );
    expect(sequences).toHaveLength(71);
    expect([sequences[49], sequences[62], sequences[70]]).toEqual([1, 7, 1]);
  });

  test('a row with some NaN takes its first number everywhere; one with nothing else is left out of a mean', () => {
    const bases = ['1\t31.6\tNaN\tNaN\tNaN\tNaN\tNaN', '2\tNaN\tNaN\tNaN\tNaN\tNaN\tNaN'];
    expect(parseFastqc(report({ bases })).bases).toEqual([
      [31, 31, 31, 31, 31, 31],
      [0, 0, 0, 0, 0, 0],
    ]);
    const other = ['1-2\t20.0\t21.0\t22.0\t23.0\t24.0\t25.9'];
    expect(parseFastqc(report({ bases }), report({ bases: other })).bases).toEqual([
      [25.5, 26, 26.5, 27, 27.5, 28],
      [20, 21, 22, 23, 24, 25],
    ]);
  });

  test('CR LF line ends are no part of a value', () => {
    const text = report({ bases: ['1-2\t20.0\t21.0\t22.0\t23.0\t24.0\t25.0'] });
    expect(parseFastqc(text.replaceAll('\n', '\r\n'))).toEqual(parseFastqc(text));
  });
});

test.each([
  ['nothing', '', "no module 'Basic Statistics'"],
  ['another text', 'Error: no reads\n', "no module 'Basic Statistics'"],
  ['a count that is no number', report({ count: 'many' }), "number 'many'"],
  ['a short row', report({ bases: ['1\t20.0'] }), "row '1"],
  ['a cell that is no number', report({ composition: ['1\ta\tb\tc\td'] }), "number 'a'"],
])('%s is an error', (_, text, message) => {
  expect(() => parseFastqc(text)).toThrow(message);
});

// Whole reads of a nanopore run: a document of all positions would be larger than the database takes.
test.each([200_000, 600_000, 2_000_000])(
  'the document of a sample with a read of %d bases stays small',
  (longest) => {
    const statistics = new RawReadStatistics();
    const push = (length: number, base: string, quality: string) =>
      statistics.push(Buffer.from(`@r\n${base.repeat(length)}\n+\n${quality.repeat(length)}\n`));
    for (let n = 0; n < 100; n++) push(800, 'A', '5');
    push(longest, 'C', 'I');
    const text = statistics.report('reads_1.fq.gz', 33);
    const quality = parseFastqc(text, text);
    expect(text.length).toBeLessThan(100_000);
    expect(BSON.calculateObjectSize(quality)).toBeLessThan(1_000_000);
    expect(quality.bases).toHaveLength(5200);
    expect(quality.composition).toHaveLength(5200);
    expect(quality.ranges).toHaveLength(200);
    expect(quality.ranges?.at(0)?.[0]).toBe(5001);
    expect(quality.ranges?.at(-1)?.[1]).toBe(longest);
    expect(quality.bases.at(-1)?.[0]).toBe(40);
    expect(quality.composition.at(-1)).toEqual([0, 0, 0, 100]);
  },
  60_000,
);

test('qualities below 0, as Solexa has them, count as 0', () => {
  const qualities = ['-2\t3.0', '-1\t4.0', '0\t1.0', '5\t2.0'];
  expect(parseFastqc(report({ qualities })).sequences.slice(0, 6)).toEqual([8, 0, 0, 0, 0, 2]);
});
