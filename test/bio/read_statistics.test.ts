import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseFastqc } from '../../src/bio/fastqc.js';
import { ReadStatistics } from '../../src/bio/read_statistics.js';
import { hasFastqc, runFastqc } from '../support/fastqc.js';
import { tempFolder } from '../tools/support.js';
import { goldenFolders, goldenText, hasGolden } from './golden.js';

/** Counts a text that comes in chunks of this size. */
function count(text: Buffer, chunkBytes: number): string {
  const statistics = new ReadStatistics();
  for (let start = 0; start < text.length; start += chunkBytes)
    statistics.push(text.subarray(start, start + chunkBytes));
  return statistics.report();
}

/** Reads whose lengths, bases and qualities go through all values up to the given ones. */
function makeReads(options: { count: number; length: number; lowest: number; fixed?: boolean }): Buffer {
  let state = options.length;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const records = Array.from({ length: options.count }, (_, n) => {
    const length = options.fixed ? options.length : 1 + random(options.length);
    const draw = (pick: () => string) => Array.from({ length }, pick).join('');
    const quality = draw(() => String.fromCharCode(options.lowest + random(40)));
    return `@r${n}\n${draw(() => 'ACGTNacgtn'[random(10)] as string)}\n+\n${quality}\n`;
  });
  return Buffer.from(records.join(''));
}

/** Lines of a report by module, without those that FastQC alone has. */
function modulesOf(report: string): Map<string, string[]> {
  const modules = new Map<string, string[]>();
  for (const part of report.split('>>END_MODULE\n')) {
    const [head = '', ...lines] = part.slice(part.indexOf('>>') + 2).split('\n');
    modules.set(head.split('\t')[0] as string, lines);
  }
  return modules;
}

const CASES = goldenFolders('fastqc/').flatMap((name) =>
  [`fastqc/${name}/fastqc_1.txt`, `fastqc/${name}/fastqc_2.txt`]
    .map((text) => ({ name, text, reads: text.replace(/fastqc_(\d)\.txt$/, 'reads_$1.fq') }))
    .filter((file) => hasGolden(file.reads) && hasGolden(file.text)),
);

function expectSame(counted: string, report: string, name: string): void {
  expect(parseFastqc(counted), name).toEqual(parseFastqc(report));
  for (const [module, lines] of modulesOf(counted)) {
    if (module !== 'Basic Statistics') expect(lines, `${module}, ${name}`).toEqual(modulesOf(report).get(module));
  }
}

test.each(CASES)("every figure of $reads is FastQC's, to the last digit", ({ reads, text }) => {
  expectSame(count(Buffer.from(goldenText(reads)), 1000), goldenText(text), reads);
});

const SETS: Record<string, Buffer> = {
  'ranges of twenty': makeReads({ count: 150, length: 1200, lowest: 40 }),
  'lowest quality @': makeReads({ count: 300, length: 20, lowest: 64 }),
  'lowest quality A, carriage returns': Buffer.from(
    makeReads({ count: 150, length: 40, lowest: 65 }).toString().replaceAll('\n', '\r\n'),
  ),
  'without bases': Buffer.from('@r\n\n+\n\n@s\nACGT\n+\n5555\n'),
};

test.skipIf(!hasFastqc)(
  'the same with the installed FastQC, for long reads, old encodings, carriage returns and reads without bases',
  async () => {
    await using temp = await tempFolder();
    const paths = Object.keys(SETS).map((_, index) => join(temp.path, `${index}.fq`));
    for (const [index, text] of Object.values(SETS).entries()) await writeFile(paths[index] as string, text);
    const reports = await runFastqc(paths, temp.path);
    for (const [index, [name, text]] of Object.entries(SETS).entries())
      expectSame(count(text, 1000), reports[index] as string, name);
  },
  60_000,
);

test('nothing at all gives an empty quality', () => {
  expect(parseFastqc(count(Buffer.alloc(0), 10))).toEqual({
    ...{ count: 0, encoding: 'Sanger / Illumina 1.9', length: [0, 0], gc: 0, bases: [], composition: [] },
    sequences: new Array(50).fill(0),
  });
});

test('where the chunks are cut does not matter', () => {
  const text = makeReads({ count: 300, length: 80, lowest: 33 });
  expect([1, 7, 4096].map((size) => count(text, size))).toEqual(new Array(3).fill(count(text, text.length)));
});

test('a text that ends within a record is refused', () => {
  expect(() => count(Buffer.from('@r\nACGT\n+\nIIII\n@s\nAC'), 100)).toThrow('in the middle of record 2');
});
