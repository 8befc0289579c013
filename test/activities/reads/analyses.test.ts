import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadReads } from '../../../src/activities/analysis_files/inputs.js';
import type { Algorithm } from '../../../src/store/analyses.js';
import { randomBases } from '../../support/nuvs_lab.js';
import { nuvsStepsIn, type PathoscopeLab, pathoscopeLab, recordsOf } from '../../support/pathoscope_lab.js';
import { dataFile } from '../../tools/support.js';

let lab: PathoscopeLab;
beforeAll(async () => {
  lab = await pathoscopeLab();
}, 120_000);
afterAll(() => lab?.dispose());

const LIMIT = { timeout: 120_000 };

const report = (name: string) => readFile(dataFile(`reports/${name}.fq.gz`));

/** The reads of a gzipped file after a change of each. */
function changed(file: Buffer, change: (lines: string[], index: number) => string[]): Buffer {
  const lines = recordsOf(file).flatMap((record, i) => change(record, i));
  return gzipSync(Buffer.from(`${lines.join('\n')}\n`, 'latin1'));
}

const named = (file: Buffer, name: (index: number) => string) =>
  changed(file, ([, ...rest], i) => [`@${name(i)}`, ...rest]);

const shifted = (quality: string, by: number) =>
  String.fromCharCode(...[...quality].map((character) => character.charCodeAt(0) + by));

/** Reads of one kind, as FASTQ. */
function madeReads(count: number, bases: (index: number) => string, quality = 'F'): Buffer {
  const record = (i: number) => `@r${i}\n${bases(i)}\n+\n${quality.repeat(bases(i).length)}\n`;
  return gzipSync(Array.from({ length: count }, (_, i) => record(i)).join(''));
}

async function analysed(files: readonly Buffer[], changes = {}) {
  const sampleId = await lab.addSample(files, changes);
  const job = await lab.newJob(sampleId);
  const analysis = await job.runAll();
  return { sampleId, job, analysis, found: await job.found() };
}

/** The job up to its trimmed reads. */
async function prepared(files: readonly Buffer[], changes = {}, algorithm?: Algorithm) {
  const sampleId = await lab.addSample(files, changes);
  const job = await lab.newJob(sampleId, algorithm);
  const steps = nuvsStepsIn(lab);
  await mkdir(job.folder, { recursive: true });
  await job.run('prepare_reads', steps.prepareReads);
  await job.run('prepare_qc', steps.prepareQuality);
  const reads = await loadReads(job.folder);
  const trimmed = await Promise.all(reads.paths.map((path) => readFile(path)));
  return { sampleId, job, steps, reads, names: trimmed.map((file) => recordsOf(file).map(([header]) => header)) };
}

const firstWords = (names: (string | undefined)[]) => names.map((name) => name?.split(' ')[0]);

describe('the offset of the qualities', LIMIT, () => {
  test('of HiSeq 4000 reads is decided from all characters where the sample does not say it, and kept', async () => {
    const { sampleId, job, analysis, found } = await analysed([await report('reads_hiseq4000')]);
    expect(found).toEqual({ 'Tobacco mosaic virus': 300 });
    expect(analysis).toMatchObject({ read_count: 300, reads: { total: 300, trimmed: 0, used: 300 } });
    expect(await lab.store.samples.get(sampleId)).toMatchObject({
      phred: { offset: 33, decided_by: 'qualities', lowest: 44, highest: 75 },
      unique_names: true,
    });
    const runs = Object.values(analysis.provenance?.steps ?? {}).flatMap(({ programs }) =>
      programs.flatMap(({ program, runs }) => runs.map((run) => [program, run.arguments.join(' ')] as const)),
    );
    expect(runs.filter(([program]) => program === 'skewer').map(([, text]) => text)).toEqual([
      expect.stringContaining('-f sanger'),
    ]);
    expect(runs.filter(([program, text]) => program === 'bowtie2' && text.includes('--phred33'))).toHaveLength(3);
    const cache = await lab.store.caches.get(analysis.cache?.id ?? '');
    expect(cache).toMatchObject({ quality: { count: 300, encoding: expect.stringContaining('Sanger') } });
    expect((await readdir(job.folder)).filter((name) => name.includes('partial'))).toEqual([]);
  });

  test('that the sample says goes to all tools, also with qualities below 0, and another one has another cache', async () => {
    const of33 = await report('reads_hiseq4000');
    // Solexa's lowest character in each read.
    const of64 = changed(of33, ([header = '', bases = '', plus = '', quality = '']) => {
      const written = shifted(quality, 31).replace(/^./, ';');
      return [header, bases, plus, written];
    });
    const phred = { offset: 64, decided_by: 'user', lowest: null, highest: null, reason: '' };
    const { sampleId, analysis, found } = await analysed([of64], { phred, unique_names: true });
    expect(found).toEqual({ 'Tobacco mosaic virus': 300 });
    const caches = lab.store.caches;
    const first = await caches.get(analysis.cache?.id ?? '');
    expect(first?.quality).toMatchObject({ encoding: expect.stringContaining('Illumina 1.5') });
    await lab.store.samples.collection.updateOne({ _id: sampleId }, { $set: { 'phred.offset': 33 } });
    const job = await lab.newJob(sampleId);
    await job.run('prepare_reads', nuvsStepsIn(lab).prepareReads);
    const { cacheId, phredOffset } = await loadReads(job.folder);
    expect(phredOffset).toBe(33);
    expect(cacheId).not.toBe(first?._id);
    const second = await caches.get(cacheId ?? '');
    expect(second).toMatchObject({ hash: first?.hash, parameters: first?.parameters, ready: false });
  });
});

describe('reads whose names repeat', LIMIT, () => {
  test('are different reads', async () => {
    const { sampleId, analysis, found } = await analysed([await report('reads_ten_names')]);
    expect(found).toEqual({ 'Tobacco mosaic virus': 300, 'Potato virus Y': 200 });
    expect(analysis.read_count).toBe(500);
    expect(await lab.store.samples.get(sampleId)).toMatchObject({ unique_names: false });
  });

  test('are different reads too when they came trimmed, and no copy of them is left', async () => {
    const files = [{ name: 'reads_1.fastq', raw: false }];
    const { job, analysis, found } = await analysed([await report('reads_ten_names')], { files });
    expect(found).toEqual({ 'Tobacco mosaic virus': 300, 'Potato virus Y': 200 });
    expect(analysis.reads).toEqual({ total: 500, trimmed: 0, used: 500 });
    expect((await readdir(job.folder)).filter((name) => name.endsWith('.fastq'))).toEqual([]);
  });

  test('repeat for the aligner where only what it cuts off differs', async () => {
    const reads = named(await report('pair_sra_1'), (i) => `${'n'.repeat(255)}${i}`);
    const { names } = await prepared([reads]);
    expect(names[0]?.slice(0, 2)).toEqual([`@1 ${'n'.repeat(255)}0`, `@2 ${'n'.repeat(255)}1`]);
  });
});

describe('mates', LIMIT, () => {
  test('count as pairs whatever their names look like', async () => {
    const files = [await report('pair_sra_1'), await report('pair_sra_2')];
    const marked = await analysed(files);
    const shared = await analysed(files.map((file) => named(file, (i) => `SRR2040271.${i}`)));
    expect(marked.found).toEqual({ 'Tobacco mosaic virus': 40 });
    expect(shared.found).toEqual(marked.found);
    for (const { analysis } of [marked, shared]) {
      expect(analysis).toMatchObject({ read_count: 40, reads: { total: 80, trimmed: 0, used: 80 } });
    }
  });

  test.each(['/', '.', '_'])(
    'share a number where "%s" and a digit tell them apart, else their names stay',
    async (mark) => {
      const files = [await report('pair_sra_1'), await report('pair_sra_2')];
      const marked = await prepared(files.map((file, mate) => named(file, (i) => `read${i}${mark}${mate + 1} x`)));
      expect(marked.names[0]?.[1]).toBe(`@2 read1${mark}1 x`);
      expect(firstWords(marked.names[1] ?? [])).toEqual(firstWords(marked.names[0] ?? []));
      // The mark may be part of the name of a spot.
      const shared = await prepared(files.map((file) => named(file, (i) => `read${mark}${i + 1} x`)));
      expect(shared.names).toEqual([0, 1].map(() => Array.from({ length: 40 }, (_, i) => `@read${mark}${i + 1} x`)));
    },
  );

  test('share a number where only later ones are told apart', async () => {
    const files = [await report('pair_sra_1'), await report('pair_sra_2')];
    const { names } = await prepared(
      files.map((file, mate) => named(file, (i) => (i < 30 ? `read${i}` : `read${i}/${mate + 1}`))),
    );
    expect(firstWords(names[0] ?? [])).toEqual(Array.from({ length: 40 }, (_, i) => `@${i + 1}`));
    expect(firstWords(names[1] ?? [])).toEqual(firstWords(names[0] ?? []));
  });

  test('are none in a single file, whatever the names look like', async () => {
    const files = [await report('pair_sra_1'), await report('pair_sra_2')];
    const { analysis, found } = await analysed([Buffer.concat(files)]);
    expect(found).toEqual({ 'Tobacco mosaic virus': 80 });
    expect(analysis.read_count).toBe(80);
  });

  test('are reunited for NuVs where one of them is left', async () => {
    const unknown = madeReads(40, (i) => randomBases(100, 7_919 * i + 123_457));
    const sra = await report('pair_sra_1');
    const one = named(unknown, (i) => `SRR1.${i}.1`);
    // Of every other pair the second mate is of a known virus.
    const known = recordsOf(sra);
    const two = changed(
      named(unknown, (i) => `SRR1.${i}.2`),
      ([header = '', bases = '', ...rest], i) => [header, i % 2 === 0 ? (known[i]?.[1] ?? '') : bases, ...rest],
    );
    const { job, steps, names } = await prepared([one, two], {}, 'nuvs');
    await job.run('eliminate_otus', steps.eliminateOtus);
    await job.run('eliminate_subtraction', steps.eliminateSubtraction);
    await job.run('reunite_pairs', steps.reunitePairs);
    const headers = async (name: string) =>
      (await readFile(join(job.folder, name), 'latin1')).split('\n').filter((_, i) => i % 4 === 0);
    const left = await headers('unmapped_hosts.fq');
    expect(left.length).toBeLessThan(names.flat().length);
    for (const mate of [1, 2]) expect(await headers(`unmapped_${mate}.fq`)).toEqual([...(names[mate - 1] ?? []), '']);
    expect(firstWords(names[1] ?? [])).toEqual(firstWords(names[0] ?? []));
  });
});

describe('an analysis of nothing is refused', LIMIT, () => {
  const bases = (i: number) => randomBases(60, i);
  const short = (i: number) => randomBases(8, i);
  // skewer looks at the share of N before it cuts off the poor end.
  const manyN = gzipSync(
    `@r\n${'N'.repeat(10)}${randomBases(90, 3)}\n+\n${'I'.repeat(65)}${'#'.repeat(35)}\n`.repeat(30),
  );
  const cases = [
    [
      'poor',
      [madeReads(30, bases, '#')],
      {},
      /Of 30 reads the trimming dropped 0 too short .*, 30 too poor \(mean quality below 25\)/,
      /phred_offset/,
    ],
    ['short', [madeReads(30, short)], {}, /30 too short \(below 20 bases\), 0 too poor/, /index reads/],
    [
      'beside an index read',
      [madeReads(30, bases), madeReads(30, short)],
      {},
      /Of 30 read pairs .* 30 too short/,
      /index reads/,
    ],
    ['all N', [madeReads(1, () => 'N'.repeat(60))], {}, /Of 1 reads .*, 1 with too many N/, /better reads/],
    ['what the aligner never looks at', [manyN], {}, /The aligner leaves the other 30 reads aside/, /better reads/],
  ] as const;

  test.each(cases)('with the numbers when all reads are %s', async (_, files, changes, message, advice) => {
    const sampleId = await lab.addSample(files, changes);
    for (const algorithm of ['pathoscope_bowtie', 'nuvs'] as const) {
      const job = await lab.newJob(sampleId, algorithm);
      const failure = await job.run('prepare_reads', nuvsStepsIn(lab).prepareReads).catch((error) => error);
      expect(failure).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
      expect(failure.details[0]).toMatchObject({ class: 'invalid_input', step: 'prepare_reads' });
      expect(failure.details[0].details[0]).toMatch(/^No reads are left to look at\./);
      expect(failure.details[0].details[0]).toMatch(message);
      expect(failure.details[0].advice).toMatch(advice);
      await lab.store.jobs.close(job.jobId, { state: 'error', error: null });
    }
    const caches = await lab.store.caches.ofSample(sampleId);
    expect(caches.filter(({ ready }) => ready)).toEqual([]);
  });
});

describe('an analysis of few reads', LIMIT, () => {
  const bases = (i: number) => randomBases(60, i + 1);

  test('completes with a warning, which its job knows too', async () => {
    const { job, analysis, found } = await analysed([madeReads(999, bases)]);
    expect(found).toEqual({});
    expect(analysis).toMatchObject({ ready: true, results: [], reads: { total: 999, trimmed: 0, used: 999 } });
    expect(analysis.warnings).toEqual([
      { code: 'few_reads', message: expect.stringContaining('Only 999 of 999 reads') },
    ]);
    expect((await lab.store.jobs.get(job.jobId))?.notes).toMatchObject([
      { stage: 'prepare_qc', text: analysis.warnings?.[0]?.message },
    ]);
  });

  test('also when they are many but hardly any of the sample, and again with the same trimmed reads', async () => {
    const good = gunzipSync(madeReads(1_500, bases)).toString();
    const short = gunzipSync(madeReads(150_000, () => 'ACGTACGT'))
      .toString()
      .replaceAll('@r', '@s');
    const reads = { total: 151_500, trimmed: 150_000, used: 1_500 };
    const { sampleId, job } = await prepared([gzipSync(good + short)]);
    const next = await lab.newJob(sampleId, 'nuvs');
    const steps = nuvsStepsIn(lab);
    await next.run('prepare_reads', steps.prepareReads);
    await next.run('prepare_qc', steps.prepareQuality);
    for (const { args } of [job, next]) {
      const analysis = await lab.store.analyses.get(args.analysis_id);
      expect(analysis).toMatchObject({ reads, warnings: [{ code: 'few_reads' }] });
    }
    expect(await loadReads(next.folder)).toEqual(await loadReads(job.folder));
  });

  test('is none from 1,000 reads on, and reads that the aligner leaves aside were not looked at', async () => {
    const manyN = `${'N'.repeat(10)}${randomBases(90, 3)}\n+\n${'I'.repeat(65)}${'#'.repeat(35)}`;
    const aside = gzipSync([1, 2, 3].map((i) => `@n${i}\n${manyN}\n`).join(''));
    const { job } = await prepared([Buffer.concat([madeReads(1_000, bases), aside])]);
    const analysis = await lab.store.analyses.get(job.args.analysis_id);
    expect(analysis).toMatchObject({ reads: { total: 1_003, trimmed: 0, used: 1_000 }, warnings: [] });
  });
});
