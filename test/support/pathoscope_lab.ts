import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createBuildIndexControl, createBuildIndexSteps } from '../../src/activities/jobs/build_index.js';
import { createNuvsSteps } from '../../src/activities/nuvs/steps.js';
import { createAnalysisControl, createPathoscopeSteps } from '../../src/activities/pathoscope/steps.js';
import { createImportReferenceActivities } from '../../src/activities/references/import.js';
import type { BuildIndexArgs } from '../../src/contracts/build_index.js';
import { type StepActivity, type StepInput, TASKS } from '../../src/contracts/jobs.js';
import type { PathoscopeArgs } from '../../src/contracts/pathoscope.js';
import type { Algorithm, AnalysisDocument, PathoscopeHit } from '../../src/store/analyses.js';
import type { SampleDocument } from '../../src/store/samples/samples.js';
import { buildIndex } from '../../src/tools/bowtie2.js';
import { runTool } from '../../src/tools/runner.js';
import { adaptLogger } from '../../src/workers/runtime.js';
import { quietLogger } from './logger.js';
import { randomBases } from './nuvs_lab.js';
import { requestImport, runActivity } from './processes.js';
import { type TestStore, testStore } from './store.js';

const REFERENCE = join(import.meta.dirname, '../../demo/reference-small.json.gz');
const cost = { proc: 2, mem: 2 };

const PATHOSCOPE = [
  ...(['makeAnalysisDir', 'prepareReads', 'prepareQuality', 'mapDefaultIsolates', 'generateIsolateFasta'] as const),
  ...(['buildIsolateIndex', 'mapIsolates', 'mapSubtraction', 'subtractMapping', 'reassignReads'] as const),
  ...(['importPathoscopeResults', 'cleanupIndexes'] as const),
];

/** A laboratory with the reference of the demo, in which whole jobs of Pathoscope run with the real tools, from the raw reads on. */
export type PathoscopeLab = TestStore & {
  /** A sample with these gzipped raw reads; it says about them what `changes` say. */
  addSample(files: readonly Buffer[], changes?: Partial<SampleDocument>): Promise<string>;
  newJob(sampleId: string, algorithm?: Algorithm): Promise<LabJob>;
};

/** An analysis of a sample. */
export type LabJob = {
  args: PathoscopeArgs;
  jobId: string;
  folder: string;
  run(stage: string, step: StepActivity): Promise<void>;
  /** The whole job of Pathoscope; gives the analysis. */
  runAll(): Promise<AnalysisDocument>;
  /** The reads per virus, by its name. */
  found(): Promise<Record<string, number>>;
};

/** Builds the laboratory; `options` are those of its store. */
export async function pathoscopeLab(options: Parameters<typeof testStore>[0] = {}): Promise<PathoscopeLab> {
  const context = await testStore(options);
  const deps = { ...context, log: quietLogger };
  const index = await buildReference(deps);
  const host = join(context.data.subtraction('Host'), 'reference');
  await mkdir(context.data.subtraction('Host'), { recursive: true });
  await writeFile(`${host}.fa`, `>host\n${randomBases(5000, 1)}\n`);
  await runTool(buildIndex({ fasta: `${host}.fa`, prefix: host, threads: 1 }));
  await context.store.subtractions.collection.insertOne({
    ...{ _id: 'Host', nickname: '', ready: true, is_host: true, file: { id: 'hostfile', name: 'host.fa.gz' } },
    ...{ user: { id: 'ann' }, job: { id: 'hostjob' } },
  });
  let samples = 0;
  return {
    ...context,
    async addSample(files, changes = {}) {
      const id = `sample${samples++}`;
      await addSample(context, id, files, changes);
      return id;
    },
    newJob: (sampleId, algorithm = 'pathoscope_bowtie') => newJob(context, { sampleId, algorithm, index }),
  };
}

/** The reads of a gzipped FASTQ file, four lines each. */
export function recordsOf(file: Buffer): string[][] {
  const lines = gunzipSync(file).toString('latin1').trimEnd().split('\n');
  return Array.from({ length: lines.length / 4 }, (_, i) => lines.slice(i * 4, i * 4 + 4));
}

async function buildReference(deps: TestStore & { log: typeof quietLogger }): Promise<BuildIndexArgs> {
  const { reference, process } = await requestImport(deps, REFERENCE);
  await runActivity(createImportReferenceActivities(deps).importReference, { processId: process._id });
  const outcome = await deps.store.indexBuilds.create({ referenceId: reference._id, userId: 'bob', cost });
  if (!outcome.ok) throw new Error(outcome.reason);
  const { _id: jobId, args } = outcome.job;
  const { makeIndexDir, writeIndexFasta, buildReferenceIndex } = createBuildIndexSteps(deps);
  for (const step of [makeIndexDir, writeIndexFasta, buildReferenceIndex]) {
    await inEnvironment(step, { jobId, task: 'build_index', args, stage: 'write_fasta' });
  }
  await createBuildIndexControl(deps).finishBuildIndex({ jobId, task: 'build_index', args, cost });
  return args as BuildIndexArgs;
}

async function addSample(
  { store, data }: TestStore,
  id: string,
  files: readonly Buffer[],
  changes: Partial<SampleDocument>,
): Promise<void> {
  const isRaw = changes.files === undefined;
  const reads = files.reduce((sum, file) => sum + recordsOf(file).length, 0);
  await mkdir(data.sample(id), { recursive: true });
  for (const [i, bytes] of files.entries()) {
    const name = isRaw ? `reads_${i + 1}.fq.gz` : `reads_${i + 1}.fastq`;
    await writeFile(join(data.sample(id), name), isRaw ? bytes : gunzipSync(bytes));
  }
  await store.samples.collection.insertOne({
    ...{ _id: id, name: id, srna: false, paired: files.length === 2, format: 'fastq', imported: false },
    ...{ files: files.map((_, i) => ({ name: `reads_${i + 1}.fq.gz`, raw: true })), quality: { count: reads } },
    ...{ subtraction: { id: 'Host' }, pathoscope: false, nuvs: false, created_at: new Date(), analyzed: false },
    ...{ hold: true, archived: false, user: { id: 'ann' }, group: 'none' },
    ...{ all_read: true, all_write: true, group_read: true, group_write: true },
    ...changes,
  } as never);
}

async function newJob(
  { store, data }: TestStore,
  { sampleId, algorithm, index }: { sampleId: string; algorithm: Algorithm; index: BuildIndexArgs },
): Promise<LabJob> {
  const made = await store.analyses.create({
    ...{ algorithm, userId: 'ann', cost, sample: { id: sampleId, name: sampleId } },
    ...{ reference: { id: index.ref_id, name: 'Reference' }, index: { id: index.index_id, version: 0 } },
  });
  if (!made) throw new Error('no analysis');
  const args = made.job.args as PathoscopeArgs;
  const jobId = made.job._id;
  const run = (stage: string, step: StepActivity) => inEnvironment(step, { jobId, task: algorithm, args, stage });
  const analysis = async () => {
    const found = await store.analyses.get(args.analysis_id);
    if (!found) throw new Error('The analysis is gone');
    return found;
  };
  return {
    ...{ args, jobId, run, folder: data.analysis(sampleId, args.analysis_id) },
    async runAll() {
      const steps = createPathoscopeSteps({ store, data, log: quietLogger });
      for (const [i, stage] of TASKS.pathoscope_bowtie.steps.entries()) {
        await run(stage, steps[PATHOSCOPE[i] as (typeof PATHOSCOPE)[number]]);
      }
      const ended = { jobId, task: algorithm, args, cost };
      await createAnalysisControl({ store, data, log: quietLogger }).finishPathoscope(ended);
      return analysis();
    },
    async found() {
      const reads: Record<string, number> = {};
      for (const { otu, final } of (await analysis()).results as PathoscopeHit[]) {
        const name = (await store.otus.getJoined(otu.id))?.name ?? otu.id;
        reads[name] = (reads[name] ?? 0) + (final?.reads ?? 0);
      }
      return reads;
    },
  };
}

/** The steps of NuVs, on the store and the data of the laboratory. */
export function nuvsStepsIn({ store, data }: TestStore) {
  return createNuvsSteps({ store, data, log: quietLogger });
}

function inEnvironment(step: StepActivity, input: Pick<StepInput, 'jobId' | 'task' | 'args' | 'stage'>): Promise<void> {
  return new MockActivityEnvironment({ attempt: 1 }, { logger: adaptLogger(quietLogger) }).run(step, {
    ...{ ...input, cost, granted: cost, progress: 0, share: 0.1, last: false },
  });
}
