import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createNuvsControl, createNuvsSteps } from '../../../src/activities/nuvs/steps.js';
import { reverseComplement } from '../../../src/bio/orfs.js';
import { quietLogger } from '../../support/logger.js';
import { fastq, type NuvsJob, type NuvsLab, nuvsLab, randomBases, testGenomes, tile } from '../../support/nuvs_lab.js';

type Hit = { hit: string; full_e: number };
type Contig = { index: number; sequence: string; orfs: { index: number; pro: string; hits: Hit[] }[] };

let lab: NuvsLab;
beforeAll(async () => {
  lab = await nuvsLab();
});
afterAll(() => lab?.dispose());

const genomes = testGenomes();
const host = tile(genomes.host, 'host', 300);
const known = tile(genomes.known, 'known', 300);
const unknown = tile(genomes.unknown, 'unknown', 900);

async function resultsOf(job: NuvsJob): Promise<Contig[]> {
  const analysis = await lab.store.analyses.get(job.args.analysis_id);
  expect(analysis).toMatchObject({ ready: true });
  expect((await lab.store.jobs.get(job.input.jobId))?.status.at(-1)).toMatchObject({
    state: 'complete',
    stage: 'import_results',
    progress: 1,
  });
  return analysis?.results as Contig[];
}

const steps = () => createNuvsSteps({ ...lab, log: quietLogger });

describe('NuVs', { timeout: 120_000 }, () => {
  test('finds an unknown virus and what its proteins resemble, the same with 1 and 2 threads', async () => {
    const reads = fastq([...host.reads, ...known.reads, ...unknown.reads]);
    const found: Contig[][] = [];
    for (const threads of [1, 2]) {
      const job = await lab.newJob([reads]);
      await job.runAll(threads);
      found.push(await resultsOf(job));
      expect((await readdir(job.folder)).sort()).toEqual([
        'assembly.fa',
        'hmm.json',
        'hmm.tsv',
        'orfs.fa',
        'reads.json',
        'unmapped_hosts.fq',
      ]);
    }
    const [contig, ...others] = found[0] as [Contig, ...Contig[]];
    expect(others).toEqual([]);
    expect(contig.index).toBe(0);
    expect(
      [genomes.unknown, reverseComplement(genomes.unknown)].some((strand) => strand.includes(contig.sequence)),
    ).toBe(true);
    expect(contig.sequence.length).toBeGreaterThan(0.9 * genomes.unknown.length);
    const clusters = contig.orfs.flatMap(({ hits }) => hits.map(({ hit }) => hit));
    const annotations = await lab.store.analyses.hmmAnnotations(clusters);
    expect(clusters.map((hit) => annotations.get(hit)?.cluster).sort()).toEqual([2, 2, 24]);
    expect(found[1]).toEqual(found[0]);
  });

  test('assembles pairs, and keeps a pair of which one mate is left', async () => {
    const mates = unknown.mates.map((mate, i) =>
      i % 3 === 0 ? { ...mate, bases: host.mates[i % 300]?.bases ?? '' } : mate,
    );
    const job = await lab.newJob([
      fastq([...host.reads, ...unknown.reads], '/1 first'),
      fastq([...host.mates, ...mates], '/2'),
    ]);
    await job.runUntil('reunitePairs');
    const namesIn = async (file: string) =>
      (await readFile(join(job.folder, file), 'utf8')).split('\n').filter((line, i) => i % 4 === 0 && line);
    const names = unknown.reads.map(({ name }) => name);
    expect(await namesIn('unmapped_1.fq')).toEqual(names.map((name) => `@${name}/1 first`));
    expect(await namesIn('unmapped_2.fq')).toEqual(names.map((name) => `@${name}/2`));
    await job.run(steps().assembleReads);
    expect(await readFile(join(job.folder, 'assembly.fa'), 'utf8')).toMatch(/^>NODE_1_length_2\d\d\d_/);
  });

  test('refuses trimmed reads whose mates are not of the same number', async () => {
    for (const [first, second] of [
      [0, 1],
      [1, 0],
    ]) {
      const job = await lab.newJob([fastq(unknown.reads.slice(first)), fastq(unknown.mates.slice(second))]);
      await expect(job.runUntil('reunitePairs')).rejects.toMatchObject({ type: 'InvalidInput' });
    }
  });
});

describe('a sample without', { timeout: 120_000 }, () => {
  const nothing = [
    ['reads', [gzipSync('')]],
    ['reads but those of the host', [fastq(host.reads)]],
    ['pairs but those of the host', [fastq(host.reads), fastq(host.mates)]],
    ['enough reads for an assembly', [fastq([...host.reads, ...unknown.reads.slice(0, 5)])]],
    ['scaffolds of 300 bases', [fastq(tile(randomBases(301, 7), 'short', 60).reads)]],
    ['open reading frames', [fastq(tile(withoutFrames(), 'closed', 400).reads)]],
  ] as const;

  test.each(nothing)('%s completes with an empty list', async (_, files) => {
    const job = await lab.newJob(files);
    await job.runAll();
    expect(await resultsOf(job)).toEqual([]);
    expect(await readFile(join(job.folder, 'orfs.fa'), 'utf8')).toBe('');
  });

  // The client relies on the index being the position in the list.
  test('any hit keeps its contigs, with their frames', async () => {
    const job = await lab.newJob([fastq(tile(genomes.meaningless, 'meaningless', 400).reads)]);
    await job.runAll();
    const [contig, ...others] = await resultsOf(job);
    expect(others).toEqual([]);
    expect(contig?.orfs.length).toBeGreaterThan(0);
    expect(contig?.orfs.every(({ hits }) => hits.length === 0)).toBe(true);
  });
});

test('results that no document could hold are kept in a file', async () => {
  const job = await lab.newJob([gzipSync('')]);
  await job.run(steps().makeNuvsDir);
  const large = [{ index: 0, sequence: 'A'.repeat(16 * 1024 ** 2), orfs: [] }];
  await writeFile(join(job.folder, 'results.json'), JSON.stringify(large));
  await createNuvsControl({ ...lab, log: quietLogger }).finishNuvs(job.input);
  expect(await lab.store.analyses.get(job.args.analysis_id)).toMatchObject({ ready: true, results: 'file' });
  expect(JSON.parse(await readFile(join(job.folder, 'results.json'), 'utf8'))).toEqual(large);
});

test('a job without HMM data ends at once', async () => {
  const empty = await nuvsLab({ hmms: false });
  try {
    const job = await empty.newJob([fastq(unknown.reads)]);
    const failure = await job
      .run(createNuvsSteps({ ...empty, log: quietLogger }).makeNuvsDir)
      .catch((error: ApplicationFailure) => error);
    expect(failure).toMatchObject({ type: 'InvalidInput', message: 'No HMM data are installed.' });
    expect(existsSync(join(job.folder, 'reads.json'))).toBe(false);
  } finally {
    await empty.dispose();
  }
});

/** A stop in each of the six frames, every 60 bases. */
function withoutFrames(): string {
  const stops = 'TAACTAACTAACTTAGTTAGTTAG';
  return Array.from({ length: 25 }, (_, i) => stops + randomBases(36, i + 11)).join('');
}
