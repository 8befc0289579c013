import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createNuvsControl, createNuvsSteps } from '../../src/activities/nuvs/steps.js';
import { type StepActivity, type StepInput, TASKS } from '../../src/contracts/jobs.js';
import type { NuvsArgs } from '../../src/contracts/nuvs.js';
import { buildIndex } from '../../src/tools/bowtie2.js';
import { pressProfiles } from '../../src/tools/hmmpress.js';
import { runTool } from '../../src/tools/runner.js';
import { adaptLogger } from '../../src/workers/runtime.js';
import { goldenJson, goldenText } from '../bio/golden.js';
import { install } from './hmms.js';
import { quietLogger } from './logger.js';
import { type TestStore, testStore } from './store.js';

type GoldenContig = { sequence: string };

/** Genomes of the laboratory: a virus that the reference knows, one that it does not, the host, and bases of no meaning. */
export function testGenomes() {
  const { results } = goldenJson<{ results: GoldenContig[] }>('hmm/expected.json');
  const sequence = (index: number) => (results[index] as GoldenContig).sequence;
  // Without any stop there is a long open reading frame, but no viral protein in it.
  return {
    known: sequence(24),
    unknown: sequence(8),
    host: randomBases(5000, 1),
    meaningless: randomBases(900, 2, 'CG'),
  };
}

/** Bases from a linear congruential generator (Numerical Recipes' constants): the same on every machine. */
export function randomBases(length: number, seed: number, letters = 'ACGT'): string {
  let state = seed;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return letters[Math.floor((state / 2 ** 32) * letters.length)];
  }).join('');
}

export type Read = { name: string; bases: string };

/** Reads of 100 bases at even distances, and their mates from the other end of 300 bases. */
export function tile(genome: string, name: string, count: number): { reads: Read[]; mates: Read[] } {
  const other = [...genome].reverse().map((base) => ({ A: 'T', C: 'G', G: 'C', T: 'A' })[base] ?? 'N');
  const starts = Array.from({ length: count }, (_, i) =>
    Math.floor((i * (genome.length - 300)) / Math.max(1, count - 1)),
  );
  return {
    reads: starts.map((start, i) => ({ name: `${name}${i}`, bases: genome.slice(start, start + 100) })),
    mates: starts.map((start, i) => {
      const from = genome.length - (start + 300);
      return { name: `${name}${i}`, bases: other.slice(from, from + 100).join('') };
    }),
  };
}

/** Gzipped FASTQ; all qualities are 40. */
export function fastq(reads: readonly Read[], ending = ''): Buffer {
  return gzipSync(
    reads.map(({ name, bases }) => `@${name}${ending}\n${bases}\n+\n${'I'.repeat(bases.length)}\n`).join(''),
  );
}

/** A laboratory with HMMs, a reference and a subtraction, in which the steps of NuVs run with the real tools. */
export type NuvsLab = TestStore & {
  /** A job whose trimmed reads are these files. */
  newJob(files: readonly Buffer[], changes?: { srna?: boolean }): Promise<NuvsJob>;
  /** A job that repeats an analysis, with another index if given. */
  rerun(job: NuvsJob, indexId?: string): Promise<NuvsJob>;
  /** Adds an index of the reference with these genomes. */
  addIndex(indexId: string, genomes: readonly string[]): Promise<void>;
};

/** One job, and its steps. */
export type NuvsJob = {
  args: NuvsArgs;
  folder: string;
  /** The trimmed reads. */
  reads: string[];
  input: StepInput;
  run(step: StepActivity, threads?: number, stage?: string, attempt?: number): Promise<void>;
  /** The steps up to this one; the trimming is left out. */
  runUntil(last: (typeof AFTER_TRIMMING)[number], threads?: number): Promise<void>;
  runAll(threads?: number): Promise<void>;
  /** The steps after this one, to the end of the job. */
  continueAfter(step: (typeof AFTER_TRIMMING)[number]): Promise<void>;
};

/** Builds the laboratory; `hmms` false leaves the HMMs out. */
export async function nuvsLab(options: { hmms?: boolean } = {}): Promise<NuvsLab> {
  const context = await testStore();
  const { store, data } = context;
  const genomes = testGenomes();
  if (options.hmms ?? true) await installGoldenHmms(context);
  const addIndex = (indexId: string, sequences: readonly string[]) => insertIndex(context, indexId, sequences);
  await addIndex('index', [genomes.known]);
  await index([genomes.host], join(data.subtraction('Host'), 'reference'));
  await store.subtractions.collection.insertOne({
    _id: 'Host',
    nickname: '',
    ready: true,
    is_host: true,
    file: { id: 'hostfile', name: 'host.fa.gz' },
    user: { id: 'ann' },
    job: { id: 'hostjob' },
  });
  let samples = 0;
  return {
    ...context,
    addIndex,
    newJob: (files, changes) => newJob(context, `sample${samples++}`, files, changes),
    rerun: ({ args, reads }, indexId = args.index_id) =>
      insertJob(context, { sampleId: args.sample_id, reads, indexId, rerunOf: args.analysis_id }),
  };
}

async function insertIndex({ store, data }: TestStore, indexId: string, sequences: readonly string[]): Promise<void> {
  await index(sequences, join(data.index('reference', indexId), 'reference'));
  await store.indexBuilds.collection.insertOne({
    _id: indexId,
    version: await store.indexBuilds.collection.countDocuments(),
    created_at: new Date(),
    manifest: {},
    ready: true,
    has_files: true,
    job: { id: 'indexjob' },
    reference: { id: 'reference' },
    user: { id: 'ann' },
  });
}

async function installGoldenHmms({ store, data }: TestStore): Promise<void> {
  const { annotation_ids } = goldenJson<{ annotation_ids: Record<string, string> }>('hmm/expected.json');
  const installation = await install(store, Object.keys(annotation_ids).map(Number));
  const folder = data.hmmInstallation(installation);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'profiles.hmm'), goldenText('hmm/profiles.hmm'));
  await runTool(pressProfiles('profiles.hmm'), { cwd: folder });
}

async function index(genomes: readonly string[], prefix: string): Promise<void> {
  const folder = join(prefix, '..');
  await mkdir(folder, { recursive: true });
  await writeFile(`${prefix}.fa`, genomes.map((bases, i) => `>genome${i}\n${bases}\n`).join(''));
  await runTool(buildIndex({ fasta: `${prefix}.fa`, prefix, threads: 1 }));
}

async function newJob(
  context: TestStore,
  sampleId: string,
  files: readonly Buffer[],
  { srna = false }: { srna?: boolean } = {},
): Promise<NuvsJob> {
  const { store, data } = context;
  await store.samples.collection.insertOne({
    _id: sampleId,
    name: sampleId,
    ...{ srna, paired: files.length === 2, files: [], format: 'fastq', imported: false, quality: { count: 1 } },
    ...{ subtraction: { id: 'Host' }, pathoscope: false, nuvs: false, created_at: new Date(), analyzed: false },
    ...{ hold: true, archived: false, user: { id: 'ann' }, group: 'none' },
    ...{ all_read: true, all_write: true, group_read: true, group_write: true },
  } as never);
  const reads = files.map((_, i) => join(data.sample(sampleId), `trimmed_${i + 1}.fq.gz`));
  await mkdir(data.sample(sampleId), { recursive: true });
  for (const [i, bytes] of files.entries()) await writeFile(reads[i] as string, bytes);
  return insertJob(context, { sampleId, reads, indexId: 'index' });
}

async function insertJob(
  { store, data }: TestStore,
  { sampleId, reads, indexId, rerunOf }: { sampleId: string; reads: string[]; indexId: string; rerunOf?: string },
): Promise<NuvsJob> {
  const made = await store.analyses.create({
    algorithm: 'nuvs',
    sample: { id: sampleId, name: sampleId },
    reference: { id: 'reference', name: 'Reference' },
    index: { id: indexId, version: 0 },
    userId: 'ann',
    cost: { proc: 2, mem: 2 },
    ...(rerunOf === undefined ? {} : { rerunOf }),
  });
  if (!made) throw new Error('no analysis');
  const args = made.job.args as NuvsArgs;
  const folder = data.analysis(sampleId, args.analysis_id);
  const cost = { proc: 2, mem: 2 };
  const input: StepInput = {
    ...{ jobId: made.job._id, task: 'nuvs', args, cost, granted: cost },
    ...{ stage: 'make_analysis_dir', progress: 0, share: 0.1, last: false },
  };
  const deps = { store, data, log: quietLogger };
  const steps = createNuvsSteps(deps);
  const run = (step: StepActivity, threads = 2, stage = input.stage, attempt = 1): Promise<void> =>
    new MockActivityEnvironment({ attempt }, { logger: adaptLogger(quietLogger) }).run(step, {
      ...{ ...input, stage, last: stage === 'import_results' },
      granted: { proc: threads, mem: 2 },
    });
  const runNamed = (name: (typeof AFTER_TRIMMING)[number], threads?: number) =>
    run(steps[name], threads, TASKS.nuvs.steps[AFTER_TRIMMING.indexOf(name) + 3]);
  const runUntil = async (last: (typeof AFTER_TRIMMING)[number], threads?: number): Promise<void> => {
    await run(steps.makeNuvsDir, threads);
    await writeFile(join(folder, 'reads.json'), JSON.stringify({ paths: reads, cacheId: null }));
    for (const name of AFTER_TRIMMING.slice(0, AFTER_TRIMMING.indexOf(last) + 1)) await runNamed(name, threads);
  };
  return {
    ...{ args, folder, reads, input, run, runUntil },
    async runAll(threads) {
      await runUntil('collectNuvsResults', threads);
      await createNuvsControl(deps).finishNuvs(input);
    },
    async continueAfter(step) {
      for (const name of AFTER_TRIMMING.slice(AFTER_TRIMMING.indexOf(step) + 1)) await runNamed(name);
      await createNuvsControl(deps).finishNuvs(input);
    },
  };
}

const AFTER_TRIMMING = [
  'eliminateOtus',
  'eliminateSubtraction',
  'reunitePairs',
  'assembleReads',
  'findContigOrfs',
  'prepareProfiles',
  'searchProfiles',
  'collectNuvsResults',
] as const;
