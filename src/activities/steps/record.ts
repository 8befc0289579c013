import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatSortedJson, trimmingParameters } from '../../bio/trimming.js';
import type { StepInput } from '../../contracts/jobs.js';
import type { PathoscopeArgs } from '../../contracts/pathoscope.js';
import { fileSize } from '../../files/folders.js';
import { ALGORITHMS } from '../../store/analyses.js';
import type { AttemptRecord, InputRecord, StepRecord } from '../../store/provenance.js';
import { ToolMissing } from '../../tools/errors.js';
import { identifyProgram, type ProgramIdentity } from '../../tools/identity.js';
import { loadReads } from '../analysis_files/inputs.js';
import { NUVS_FILES, readJson } from '../analysis_files/nuvs.js';
import type { ActivityDeps } from '../deps.js';
import { makeStepKey, recordOutputs, type StepContext, sharedFiles } from './key.js';
import { combine, describeFiles, hashText, noteProducts, readFiles } from './product_checksums.js';
import { dropSource, judge, loadSource, type Source, secureSource, takeOver } from './reuse.js';
import { reusableSteps } from './reuse_plan.js';
import { type Measuring, recordPrograms, startMeasuring } from './usage.js';

/** What the record of a step needs to know of it. */
export type RecordedStep = {
  attempt: number;
  threads: number;
  memoryGib: number;
  signal: AbortSignal;
  log: { line(text: string): void };
};

/**
 * Does a step and notes how: the runs of its programs, what they used, and for analyses what the result was made of. A step of a
 * rerun that would come to the same result is not done again.
 */
export async function runRecorded(
  deps: ActivityDeps,
  input: StepInput,
  step: RecordedStep,
  body: () => Promise<void>,
): Promise<void> {
  const measuring = startMeasuring();
  try {
    if ((ALGORITHMS as readonly string[]).includes(input.task)) {
      return await runAttempt(deps, input, step, measuring, (attempt) =>
        runAnalysisStep(deps, input, attempt, measuring, body),
      );
    }
    await body();
    await noteProducts(deps.data, input, step.signal);
  } finally {
    measuring.end();
  }
}

/** A step with its number among all attempts, those that failed before, and what earlier steps have noted. */
type Attempt = RecordedStep & { failed: AttemptRecord[]; steps: Record<string, StepRecord> };

// A failure must not wait long for a database that may be its cause.
const FAILURE_NOTE_LIMIT_MS = 2_000;

/** Counts an attempt at a step of an analysis, and notes what it cost when it fails. */
async function runAttempt(
  { store, log }: ActivityDeps,
  { args, stage }: StepInput,
  step: RecordedStep,
  measuring: Measuring,
  run: (attempt: Attempt) => Promise<void>,
): Promise<void> {
  const analysisId = (args as PathoscopeArgs).analysis_id;
  const { steps = {}, trying } = (await store.provenance.get(analysisId))?.provenance ?? {};
  const { begun, failed } = trying?.step === stage ? trying : { begun: 0, failed: [] };
  // Temporal counts from 1 again when another host takes the step over.
  const attempt = Math.max(step.attempt, begun + 1);
  const now = { step: stage, begun: attempt, failed };
  await store.provenance.beginAttempt(analysisId, now);
  try {
    await run({ ...step, attempt, failed, steps });
  } catch (error) {
    // A cancelled analysis is removed, and nobody is to wait for a note on it.
    if (step.signal.aborted) throw error;
    now.failed = [...failed, { finished_at: new Date(), attempt, ...measuring.end() }];
    await store.provenance
      .failAttempt(analysisId, now, FAILURE_NOTE_LIMIT_MS)
      .catch((err: unknown) => log.warn({ err, stage, attempt }, 'failed attempt not noted'));
    throw error;
  }
}

async function runAnalysisStep(
  deps: ActivityDeps,
  input: StepInput,
  step: Attempt,
  measuring: Measuring,
  body: () => Promise<void>,
): Promise<void> {
  const { task, stage } = input;
  const args = input.args as PathoscopeArgs;
  const context: StepContext = { deps, args, signal: step.signal, steps: step.steps };
  const source = stage === FIRST ? undefined : await loadSource(context);
  const reused = source && (await tryReuse(context, input, step, source));
  const result = reused ?? (await runKeyed(context, task, stage, () => measuring.watch(body)));
  if (stage === FIRST) {
    await deps.store.provenance.clearSteps(args.analysis_id);
    await secureSource(deps, task, args);
  }
  if (stage === 'prepare_reads') {
    await noteInputs(context);
    if (source) await noteTrimming(context, input, measuring.runs().length > 0);
  }
  const { attempt, threads, memoryGib, failed } = step;
  const record: StepRecord = {
    ...{ finished_at: new Date(), attempt, threads, memory_gib: memoryGib },
    ...measuring.end(),
    programs: recordPrograms(measuring.runs(), await identifyAll(measuring.runs()), deps.data.root),
    ...(failed.length > 0 ? { failed_attempts: failed } : {}),
    ...result,
  };
  await patiently(step.signal, () => deps.store.provenance.setStep(args.analysis_id, stage, record, versionOf(deps)));
  if (input.last) await dropSource(deps, args);
}

const FIRST = 'make_analysis_dir';

type Result = Pick<StepRecord, 'key' | 'outputs' | 'reused' | 'promised'>;

async function runKeyed(context: StepContext, task: string, stage: string, body: () => Promise<void>): Promise<Result> {
  const plan = reusableSteps(task)[stage];
  if (!plan) {
    await body();
    return {};
  }
  const { deps, args } = context;
  const folder = deps.data.analysis(args.sample_id, args.analysis_id);
  // Before the step: a program that is exchanged meanwhile must not pass for the one that did it.
  const key = await makeStepKey(context, stage, plan);
  const before = await readdir(folder);
  await body();
  const left = (await readdir(folder)).filter((name) => !before.includes(name));
  const unplanned = left.filter((name) => !plan.outputs.some((output) => output.name === name));
  if (unplanned.length === 0) return { key, outputs: await recordOutputs(folder, plan, key) };
  // Without these files a rerun would take over half a result.
  deps.log.warn({ stage, unplanned }, 'a step leaves files that the plan of reruns does not know; it is not reused');
  return {};
}

/** Takes the result of a step from the analysis that is repeated; undefined when the step has to run. The job tells which. */
async function tryReuse(
  context: StepContext,
  { jobId, task, stage }: StepInput,
  { log }: RecordedStep,
  source: Source,
): Promise<Result | undefined> {
  if (!reusableSteps(task)[stage]) return undefined;
  const verdict = await judge(context, task, source, stage);
  const text = verdict.isReusable
    ? `Reused from analysis ${source.analysisId}, step ${stage}`
    : `Rerun because ${verdict.neededBy ? `${verdict.neededBy} needs the result: ` : ''}${verdict.reason}`;
  if (verdict.isReusable) await takeOver(context, source, verdict.past);
  log.line(text);
  await context.deps.store.jobs.addNote(jobId, { stage, text });
  if (!verdict.isReusable) return undefined;
  const { key, outputs } = verdict.past;
  return {
    ...(key ? { key } : {}),
    ...(outputs ? { outputs } : {}),
    reused: { analysis: source.analysisId, step: stage },
    ...(verdict.promised.length > 0 ? { promised: verdict.promised } : {}),
  };
}

async function noteTrimming({ deps, args }: StepContext, { jobId, stage }: StepInput, hasRun: boolean): Promise<void> {
  const { cacheId } = await loadReads(deps.data.analysis(args.sample_id, args.analysis_id));
  if (cacheId === null) return;
  const text = hasRun ? 'Rerun because the trimmed reads are gone' : `Reused the trimmed reads of cache ${cacheId}`;
  await deps.store.jobs.addNote(jobId, { stage, text });
}

/** Notes what the analysis works on; all of it is there once the reads are prepared. */
async function noteInputs(context: StepContext): Promise<void> {
  const { deps, args, signal } = context;
  const { store, data } = deps;
  const [sample, index] = await Promise.all([store.samples.get(args.sample_id), store.indexBuilds.get(args.index_id)]);
  if (!sample || !index) return;
  const { cacheId } = await loadReads(data.analysis(args.sample_id, args.analysis_id));
  const checksum = async (input: Parameters<typeof sharedFiles>[1]) =>
    combine(await describeFiles(await sharedFiles(context, input), signal));
  const inputs: InputRecord = {
    reads: await describeFiles(readFiles(data, args.sample_id), signal),
    trimmed_reads: await describeFiles(await sharedFiles(context, 'trimmed reads'), signal),
    cache: cacheId,
    index: {
      id: index._id,
      version: index.version,
      manifest_sha256: hashText(formatSortedJson(await store.indexBuilds.manifestOf(index))),
      sha256: await checksum('reference index'),
    },
    subtraction: { id: sample.subtraction.id, sha256: await checksum('subtraction index') },
  };
  const chosen = join(data.analysis(args.sample_id, args.analysis_id), NUVS_FILES.profiles);
  if ((await fileSize(chosen)) !== undefined) {
    const { installation } = await readJson<{ installation: string | null }>(chosen);
    inputs.hmms = { installation, sha256: await checksum('HMM profiles') };
  }
  const trimming = trimmingParameters({ paired: sample.paired, srna: sample.srna === true });
  await store.provenance.setInputs(args.analysis_id, inputs, { trimming });
}

async function identifyAll(runs: readonly { command: readonly string[] }[]): Promise<Map<string, ProgramIdentity>> {
  const programs = [...new Set(runs.map(({ command }) => command[0] ?? ''))];
  const identities = new Map<string, ProgramIdentity>();
  for (const program of programs) {
    try {
      identities.set(program, await identifyProgram(program));
    } catch (error) {
      // Removed after its run: the run counts, but nobody can say any more which build it was.
      if (!(error instanceof ToolMissing)) throw error;
    }
  }
  return identities;
}

const RECORD_TRIES = 4;

// Hours of work must not be done again because the database is away for a moment at the end.
async function patiently(signal: AbortSignal, write: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await write();
    } catch (error) {
      if (tries >= RECORD_TRIES) throw error;
      await sleep(1000 * tries, undefined, { signal });
    }
  }
}

function versionOf({ version }: ActivityDeps): string {
  return version ?? 'unknown';
}
