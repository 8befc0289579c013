import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decidePhredOffset, findDifferingFile, type PhredOffset, QualityCharacters } from '../../src/bio/phred.js';
import { RawReadStatistics } from '../../src/bio/raw_read_statistics.js';
import { runTool } from '../../src/tools/runner.js';
import { parseTrimLog, TRIM_LOG, trim } from '../../src/tools/skewer.js';
import { tempFolder } from '../tools/support.js';

/** Numbers from a seed: whole ones of a range, and such as scatter around 0 with a standard deviation of 1. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
    for (let i = 0; i < 5; i++) this.share();
  }

  share(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#state / 2 ** 32;
  }

  whole(from: number, to: number): number {
    return from + Math.floor(this.share() * (to - from + 1));
  }

  scatter(): number {
    return (this.share() + this.share() + this.share() + this.share() - 2) * Math.sqrt(3);
  }
}

/** What a platform writes: the quality at a position (0 to 1 along the read; `good` is where the good part of this read ends). */
type Platform = { offset: PhredOffset; length: number; quality: (dice: Dice, at: number, good: number) => number };

const near = (lowest: number, mean: number, spread: number, highest: number) => (dice: Dice) =>
  Math.min(highest, Math.max(lowest, Math.round(mean + spread * dice.scatter())));
const falling = (lowest: number, from: number, to: number, highest: number) => (dice: Dice, at: number) =>
  near(lowest, from + (to - from) * at * at, 4, highest)(dice);
const oneOf = (values: number[]) => (dice: Dice) => values[dice.whole(0, values.length - 1)] as number;
const constant = (character: string, offset: PhredOffset): Platform => ({
  ...{ offset, length: 36 },
  quality: () => character.charCodeAt(0) - offset,
});

const PLATFORMS: Record<string, Platform> = {
  Sanger: { offset: 33, length: 36, quality: falling(4, 48, 20, 62) },
  Solexa: { offset: 64, length: 36, quality: falling(-5, 38, 12, 40) },
  'Illumina 1.3': { offset: 64, length: 36, quality: falling(0, 38, 22, 40) },
  'Illumina 1.5': {
    ...{ offset: 64, length: 36 },
    quality: (dice, at, good) => (at > good ? 2 : falling(3, 38, 26, 41)(dice, at)),
  },
  'Illumina 1.8': { offset: 33, length: 36, quality: falling(2, 39, 28, 41) },
  'HiSeq 4000': { offset: 33, length: 36, quality: oneOf([11, 22, 27, 32, 37, 42, 42, 42]) },
  'HiSeq 4000, good': { offset: 33, length: 36, quality: (dice) => dice.whole(37, 42) },
  NovaSeq: { offset: 33, length: 36, quality: oneOf([2, 12, 23, 37, 37, 37, 37, 37, 37, 37]) },
  'NovaSeq, good': constant('F', 33),
  AVITI: { offset: 33, length: 36, quality: near(2, 43, 4, 50) },
  'ONT simplex': { offset: 33, length: 80, quality: near(1, 30, 9, 50) },
  'ONT duplex': { offset: 33, length: 80, quality: near(1, 38, 12, 90) },
  HiFi: { offset: 33, length: 80, quality: (dice) => (dice.share() < 0.7 ? 93 : dice.whole(10, 93)) },
  'HiFi, good': { offset: 33, length: 80, quality: (dice) => dice.whole(52, 93) },
  'merged mates': {
    ...{ offset: 33, length: 60 },
    quality: (dice, at) => dice.whole(30, 41) + (at > 0.3 && at < 0.7 ? dice.whole(30, 41) : 0),
  },
  'merged mates, capped': {
    ...{ offset: 33, length: 60 },
    quality: (dice, at) => (at > 0.3 && at < 0.7 ? dice.whole(56, 70) : dice.whole(32, 38)),
  },
  'constant I': constant('I', 33),
  'constant ?': constant('?', 33),
  'constant B': constant('B', 33),
  'constant ~': constant('~', 33),
  'constant h': constant('h', 64),
};

function simulate({ offset, length, quality }: Platform, reads: number, seed: number, written = offset): Buffer {
  const dice = new Dice(seed);
  const records = Array.from({ length: reads }, (_, n) => {
    const good = 0.5 + dice.share();
    const codes = Array.from({ length }, (_, i) => written + Math.max(quality(dice, i / length, good), 33 - written));
    const bases = Array.from({ length }, () => 'ACGT'[dice.whole(0, 3)]).join('');
    return `@r${n}\n${bases}\n+\n${String.fromCharCode(...codes)}\n`;
  });
  return Buffer.from(records.join(''));
}

/** Beyond a thousand reads the same ones come again. */
function simulateMany(platform: Platform, reads: number, seed: number, written = platform.offset): Buffer {
  const text = simulate(platform, Math.min(reads, 1000), seed, written);
  return reads <= 1000 ? text : Buffer.concat(new Array<Buffer>(reads / 1000).fill(text));
}

function decide(text: Buffer) {
  const statistics = new RawReadStatistics();
  statistics.push(text);
  return decidePhredOffset(statistics.qualityCounts());
}

/** How many reads skewer keeps when it is told the offset. */
async function countKept(text: Buffer, offset: PhredOffset): Promise<number | undefined> {
  await using temp = await tempFolder();
  const reads = join(temp.path, 'reads.fq');
  await writeFile(reads, text);
  const parameters = { end_quality: 20, mode: 'pe', max_error_rate: '0.1', max_indel_rate: '0.03', max_length: null };
  const limits = { ...parameters, mean_quality: 25, min_length: 20 };
  const { argv, ...rest } = trim({ parameters: limits, reads: [reads], folder: temp.path, threads: 1 });
  const [program = '', ...others] = argv;
  await runTool({ ...rest, argv: [program, '-f', offset === 33 ? 'sanger' : 'solexa', ...others] });
  return parseTrimLog(await readFile(join(temp.path, TRIM_LOG), 'utf8'))?.available;
}

/** Platform, then for 1, 100 and 100,000 reads: the offset that is decided, and how many reads skewer keeps with it. */
const TABLE = `
Sanger               33: 1       33: 100     33: 100000
Solexa               64: 1       64: 100     64: 100000
Illumina 1.3         64: 1       64: 100     64: 100000
Illumina 1.5         64: 1       64: 83      64: 83100
Illumina 1.8         33: 1       33: 100     33: 100000
HiSeq 4000           33: 1       33: 100     33: 100000
HiSeq 4000, good     33: 1       33: 100     33: 100000
NovaSeq              33: 1       33: 98      33: 98600
NovaSeq, good        33: 1       33: 100     33: 100000
AVITI                33: 1       33: 100     33: 100000
ONT simplex          33: 1       33: 100     33: 100000
ONT duplex           33: 1       33: 100     33: 100000
HiFi                 33: 1       33: 100     33: 100000
HiFi, good           33: 1       33: 100     33: 100000
merged mates         33: 1       33: 100     33: 100000
merged mates, capped 33: 1       33: 100     33: 100000
constant I           33: 1       33: 100     33: 100000
constant ?           33: 1       33: 100     33: 100000
constant B           33: 1       33: 100     33: 100000
constant ~           33: 1       33: 100     33: 100000
constant h           64: 1       64: 100     64: 100000
`;

// The reads are kept that skewer keeps of the same qualities written with 33, which is what it is made for.
test('the offset of every platform is decided right, and the right reads are kept', async () => {
  const rows: string[] = [];
  for (const [index, [name, platform]] of Object.entries(PLATFORMS).entries()) {
    const cells: string[] = [];
    for (const reads of [1, 100, 100_000]) {
      const text = simulateMany(platform, reads, index + 1);
      const { offset, reason } = decide(text);
      expect(offset, `${name}, ${reads} reads: ${reason}`).toBe(platform.offset);
      const kept = await countKept(text, offset);
      if (offset === 64) expect(kept, name).toBe(await countKept(simulateMany(platform, reads, index + 1, 33), 33));
      cells.push(`${offset}: ${kept}`);
    }
    rows.push([name.padEnd(21), ...cells.map((cell) => cell.padEnd(12))].join('').trimEnd());
  }
  expect(rows).toEqual(TABLE.trim().split('\n'));
}, 300_000);

test('a single read is decided right however its qualities fall', () => {
  const wrong = Object.entries(PLATFORMS).flatMap(([name, platform]) =>
    Array.from({ length: 200 }, (_, seed) =>
      decidePhredOffset(countsOf(qualitiesOf(simulate(platform, 1, 1000 + 31 * seed)))),
    )
      .filter(({ offset }) => offset !== platform.offset)
      .map(({ reason }) => `${name}: ${reason}`),
  );
  expect(wrong).toEqual([]);
});

const qualitiesOf = (text: Buffer) => text.toString('latin1').split('\n')[3] as string;

const countsOf = (qualities: string) => {
  const counts = new Float64Array(128);
  for (const character of qualities) counts[character.charCodeAt(0)]! += 1;
  return counts;
};

test('the decision says between which characters the qualities lie, and why', () => {
  expect(decidePhredOffset(countsOf('hhhhhhgggffB'))).toEqual({
    ...{ offset: 64, lowest: 66, highest: 104 },
    reason: "Phred+64: the characters go from 'B' to 'h', and most are such as no platform writes with 33.",
  });
  expect(decidePhredOffset(countsOf('hhhhhhgggffB:'))).toMatchObject({ offset: 33, lowest: 58, highest: 104 });
  expect(decidePhredOffset(countsOf('hhhhhhgggffBj'))).toMatchObject({ offset: 33, lowest: 66, highest: 106 });
  expect(decidePhredOffset(countsOf(''))).toMatchObject({ offset: 33, lowest: null, highest: null });
});

test('one file with characters of 33 decides for all, and a file that can only be 64 beside it is found', () => {
  const [old, plain, modern] = [countsOf('hhhhgggfffeB'), countsOf('hhhgggff'), countsOf('FFFF:::,#')];
  const sample = new QualityCharacters();
  for (const counts of [old, modern]) sample.add(counts);
  expect(decidePhredOffset(sample.counts).offset).toBe(33);
  expect(findDifferingFile([modern, old])).toBe(1);
  expect(findDifferingFile([old, plain])).toBeUndefined();
  expect(findDifferingFile([modern, countsOf('KKKK')])).toBeUndefined();
});
