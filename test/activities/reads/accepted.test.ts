import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { trimReads } from '../../../src/activities/reads/trim.js';
import { parseFastqc, type Quality } from '../../../src/bio/fastqc.js';
import { trimmingParameters } from '../../../src/bio/trimming.js';
import { buildSubtractionIndex, mapSubtraction } from '../../../src/tools/bowtie2.js';
import { collectText, runTool } from '../../../src/tools/runner.js';
import { assembleReads, correctReads } from '../../../src/tools/spades.js';
import { tempFolder } from '../../tools/support.js';
import { bgzf, context, importInto } from './support.js';

const READS = 400;
const READ_BASES = 100;

/** A genome without repeats. */
const GENOME = (() => {
  let state = 20_190_911;
  return Array.from({ length: 1500 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return 'ACGT'[state >>> 30];
  }).join('');
})();
const GOOD = Array.from({ length: READS }, (_, n) => {
  const start = Math.floor((n * (GENOME.length - READ_BASES)) / (READS - 1));
  return `@read:${n} 1:N:0\n${GENOME.slice(start, start + READ_BASES)}\n+\n${'#'.padStart(READ_BASES, 'F')}\n`;
}).join('');

const CRLF = GOOD.replaceAll('\n', '\r\n');
const changed = (n: number, change: (bases: string, read: number) => string) =>
  GOOD.split('\n')
    .map((line, i) => (i % (4 * n) === 1 ? change(line, i >> 2) : line))
    .join('\n');
const CODES = 'RYSWKMBDHVXNnry.';
const IUPAC = changed(5, (bases, read) => `${bases.slice(0, 30)}${CODES[(read / 5) % CODES.length]}${bases.slice(31)}`);
const half = GOOD.indexOf('@read:200');

/** Everything that is not just four lines a record in one gzip member, and yet accepted. */
const ACCEPTED: Record<string, Buffer | string> = {
  plain: GOOD,
  'one member': gzipSync(GOOD),
  BGZF: bgzf(GOOD),
  'empty members': Buffer.concat([
    gzipSync(''),
    gzipSync(GOOD.slice(0, half)),
    gzipSync(''),
    gzipSync(GOOD.slice(half)),
    gzipSync(''),
  ]),
  'zeros at the end': Buffer.concat([gzipSync(GOOD), Buffer.alloc(10_240)]),
  'zeros between members': Buffer.concat([
    gzipSync(GOOD.slice(0, half)),
    Buffer.alloc(512),
    gzipSync(GOOD.slice(half)),
  ]),
  'CR LF': gzipSync(CRLF),
  'CR LF without the last one': CRLF.trimEnd(),
  'CR alone': gzipSync(GOOD.replaceAll('\n', '\r')),
  'mixed ends of lines': GOOD.replaceAll('+\n', '+\r\n').replaceAll('0\n', '0\r'),
  'no last line feed': gzipSync(GOOD.trimEnd()),
  'blank lines at the end': gzipSync(`${GOOD}\n\r\n\n`),
  U: gzipSync(changed(1, (bases) => bases.replaceAll('T', 'U'))),
  'lower case, u among it': gzipSync(changed(2, (bases) => bases.toLowerCase().replaceAll('t', 'u'))),
  'IUPAC codes, X and the point': gzipSync(IUPAC),
  'a + line that repeats the name': gzipSync(GOOD.replaceAll(/@(.*)\n(.*)\n\+\n/g, '@$1\n$2\n+$1\n')),
  'equal names': gzipSync(GOOD.replaceAll(/@read:\d+/g, '@read')),
  'names in UTF-8': Buffer.from(GOOD.replaceAll('@read:', '@réad:')),
  'no names': gzipSync(GOOD.replaceAll(/@.*/g, '@')),
  'a read without bases': gzipSync(GOOD.replace(/\n.*\n\+\n.*\n/, '\n\n+\n\n')),
  'all N': gzipSync(GOOD.replace(/\n(.*)\n\+\n/, `\n${'N'.repeat(READ_BASES)}\n+\n`)),
  'all of it at once': Buffer.concat([
    gzipSync(IUPAC.slice(0, half).replaceAll('T', 'U').replaceAll('\n', '\r\n')),
    Buffer.alloc(512),
    gzipSync(''),
    gzipSync(
      GOOD.slice(half)
        .toLowerCase()
        .replaceAll(/f(?=[f#]*\n)/g, 'F')
        .trimEnd(),
    ),
  ]),
};

let temp: Awaited<ReturnType<typeof tempFolder>>;
let index: string;
beforeAll(async () => {
  temp = await tempFolder();
  index = join(temp.path, 'genome');
  await writeFile(`${index}.fa`, `>genome\n${GENOME}\n`);
  await runTool(buildSubtractionIndex({ fasta: `${index}.fa`, prefix: index, threads: 1 }));
});
afterAll(() => temp[Symbol.asyncDispose]());

test.each(Object.entries(ACCEPTED))(
  '%s passes skewer and bowtie2 with every read',
  { timeout: 60_000 },
  async (name, content) => {
    const folder = join(temp.path, `accepted_${Object.keys(ACCEPTED).indexOf(name)}`);
    await mkdir(folder);
    const { findings, paths } = await importInto(folder, [content]);
    expect(findings).toMatchObject([{ reads: READS }]);
    const reads = paths[0] as string;

    const parameters = trimmingParameters({ paired: false, srna: false });
    const trimmed = join(folder, 'trimmed');
    await mkdir(trimmed);
    await trimReads(context(), { parameters, reads: [reads], folder: trimmed, expected: READS });
    const left = parseFastqc(await readFile(join(trimmed, 'fastqc_1.txt'), 'utf8')).count;
    expect(left).toBeGreaterThan(READS - 20);

    const mapping = mapSubtraction({ index, reads: [reads], threads: 1 });
    const sam = (await runTool(mapping, { stdout: collectText() })).output;
    const lines = sam.split('\n').filter((line) => line !== '' && !line.startsWith('@'));
    expect(lines).toHaveLength(READS);
    expect(lines.filter((line) => line.split('\t')[2] === 'genome').length).toBeGreaterThan(READS - 20);
  },
);

/** The read files that the imports make, each with the first name of those that become the same bytes; most of them do. */
async function distinctImports(folder: string): Promise<{ name: string; path: string; quality: Quality }[]> {
  await mkdir(folder);
  const distinct = new Map<string, { name: string; path: string; quality: Quality }>();
  for (const [name, content] of Object.entries(ACCEPTED)) {
    const work = join(folder, `import_${distinct.size}`);
    await mkdir(work, { recursive: true });
    const { findings, files, paths } = await importInto(work, [content]);
    const path = join(folder, `reads_${distinct.size}.fq.gz`);
    const quality = parseFastqc(findings[0]?.reports[33] as string);
    const key = createHash('sha256')
      .update(files[0] as Buffer)
      .digest('hex');
    if (distinct.has(key)) continue;
    await rename(paths[0] as string, path);
    distinct.set(key, { name, path, quality });
  }
  return [...distinct.values()];
}

test('FastQC finds in all of them what was counted', { timeout: 600_000 }, async () => {
  const folder = join(temp.path, 'fastqc');
  const made = await distinctImports(folder);
  await runTool({ argv: ['fastqc', '-q', '-f', 'fastq', '-o', folder, '--extract', ...made.map(({ path }) => path)] });
  for (const { name, path, quality } of made) {
    const text = await readFile(join(path.replace('.fq.gz', '_fastqc'), 'fastqc_data.txt'), 'utf8');
    expect([name, quality]).toEqual([name, parseFastqc(text)]);
  }
});

test('SPAdes assembles all of them', { timeout: 600_000 }, async () => {
  for (const { name, path } of await distinctImports(join(temp.path, 'spades'))) {
    const out = path.replace('.fq.gz', '_spades');
    expect(await correctReads({ reads: [path], threads: 1, memoryGib: 2, phredOffset: 33, folder: out }, {})).toBe(
      true,
    );
    expect(await assembleReads({ kmers: [21, 33], memoryGib: 2, folder: out }, {})).toEqual({ isAssembled: true });
    const scaffolds = (await readFile(join(out, 'scaffolds.fasta'), 'utf8')).split('>').slice(1);
    const longest = Math.max(...scaffolds.map((scaffold) => scaffold.split('\n').slice(1).join('').length));
    expect([name, longest > 1_400]).toEqual([name, true]);
  }
});
