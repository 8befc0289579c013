import { constants } from 'node:fs';
import { copyFile, link } from 'node:fs/promises';
import { join } from 'node:path';
import type { PathoscopeArgs } from '../../contracts/pathoscope.js';
import { checksumFile } from '../../files/checksums.js';
import { fileSize, freshFolder } from '../../files/folders.js';
import { partialName, publishFile, publishJson, removePath } from '../../files/publish.js';
import type { OutputRecord, StepRecord } from '../../store/provenance.js';
import { readJson } from '../analysis_files/nuvs.js';
import type { ActivityDeps } from '../deps.js';
import { type Assumed, describeDifference, makeStepKey, type StepContext } from './key.js';
import { type PlannedStep, reusableSteps } from './reuse_plan.js';

const FOLDER = 'reused';
const LIST = 'source.json';

/** What a rerun may take over: the records of the analysis that it repeats, and copies of the files that this one kept. */
export type Source = {
  analysisId: string;
  /** Empty when the analysis is gone or is older than such records. */
  steps: Record<string, StepRecord>;
  /** Names of the files that lie in the rerun's own folder. */
  files: string[];
};

/**
 * Whether a step need not run. Where files are missing that only `promised` steps would read, those must not run either.
 * `neededBy` is a later step that has to run for this reason, and needs the result.
 */
export type Verdict =
  | { isReusable: true; past: StepRecord; promised: string[] }
  | { isReusable: false; reason: string; neededBy?: string };

/**
 * Takes what a rerun may reuse into its own folder, when it begins: whatever becomes of the other analysis afterwards, each file is
 * there whole and checked, or not at all. Does nothing for an analysis that is no rerun.
 */
export async function secureSource(deps: ActivityDeps, task: string, args: PathoscopeArgs): Promise<void> {
  const { store, data } = deps;
  const sourceId = (await store.provenance.get(args.analysis_id))?.rerun_of?.id;
  if (sourceId === undefined) return;
  const steps = (await store.provenance.get(sourceId))?.provenance?.steps ?? {};
  const folder = await freshFolder(join(data.analysis(args.sample_id, args.analysis_id), FOLDER));
  const from = data.analysis(args.sample_id, sourceId);
  const files: string[] = [];
  for (const [step, plan] of Object.entries(reusableSteps(task))) {
    for (const output of keptOutputs(plan, steps[step])) {
      const path = join(folder, output.name);
      if (await secureFile(join(from, output.name), path, output)) files.push(output.name);
    }
  }
  await publishJson(join(folder, LIST), { analysisId: sourceId, steps, files } satisfies Source);
}

/** What a rerun may take over; undefined for an analysis that is no rerun. */
export async function loadSource({ deps: { data }, args }: StepContext): Promise<Source | undefined> {
  const path = join(data.analysis(args.sample_id, args.analysis_id), FOLDER, LIST);
  return (await fileSize(path)) === undefined ? undefined : readJson<Source>(path);
}

/** Removes what was not taken over. */
export async function dropSource({ data }: ActivityDeps, args: PathoscopeArgs): Promise<void> {
  await removePath(join(data.analysis(args.sample_id, args.analysis_id), FOLDER));
}

/** Judges whether a step would come to the same result, and whether all files are there that somebody still needs. */
export async function judge(
  context: StepContext,
  task: string,
  source: Source,
  step: string,
  assumed: Assumed = new Map(),
): Promise<Verdict> {
  const past = source.steps[step];
  const plan = reusableSteps(task)[step];
  if (!plan || !past?.key || !past.outputs) {
    return { isReusable: false, reason: `analysis ${source.analysisId} has no record of this step` };
  }
  // Decided when an earlier step was left out: as it did not run, this one cannot.
  if (isPromised(context.steps, step)) return { isReusable: true, past, promised: [] };
  const key = await makeStepKey(context, step, plan, assumed);
  if (key.sha256 !== past.key.sha256) return { isReusable: false, reason: describeDifference(past.key, key) };
  return judgeReaders(context, task, source, { past, plan, assumed });
}

/** Whether all steps that read files of a step which were not kept would be reused too, so that nobody misses these files. */
async function judgeReaders(
  context: StepContext,
  task: string,
  source: Source,
  { past, plan, assumed }: { past: StepRecord; plan: PlannedStep; assumed: Assumed },
): Promise<Verdict> {
  const left = new Map(assumed);
  const assume = (record: StepRecord | undefined) => {
    for (const { name, sha256 } of record?.outputs ?? []) left.set(name, sha256);
  };
  assume(past);
  const promised = new Set<string>();
  const missing = (past.outputs ?? []).map(({ name }) => name).filter((name) => !source.files.includes(name));
  const readersOf = (name: string) => plan.outputs.find((output) => output.name === name)?.readBy ?? [];
  const lost = missing.find((name) => readersOf(name).length === 0);
  if (lost) return { isReusable: false, reason: `${lost} of analysis ${source.analysisId} is gone or damaged` };
  const readers = new Set(missing.flatMap(readersOf));
  // In the order of the steps, as a later one may read what an earlier one leaves.
  for (const reader of Object.keys(reusableSteps(task)).filter((one) => readers.has(one))) {
    const verdict = await judge(context, task, source, reader, left);
    if (!verdict.isReusable) return { ...verdict, neededBy: verdict.neededBy ?? reader };
    for (const one of [reader, ...verdict.promised]) {
      promised.add(one);
      assume(source.steps[one]);
    }
  }
  return { isReusable: true, past, promised: [...promised] };
}

/** Puts the secured files of a step where the step itself would have left them. */
export async function takeOver({ deps: { data }, args }: StepContext, source: Source, past: StepRecord): Promise<void> {
  const folder = data.analysis(args.sample_id, args.analysis_id);
  for (const { name } of past.outputs ?? []) {
    if (!source.files.includes(name)) continue;
    const partial = partialName(join(folder, name));
    await linkOrCopy(join(folder, FOLDER, name), partial);
    await publishFile(partial, join(folder, name));
  }
}

/** Whether an earlier step was left out in the trust that this one will not run. */
function isPromised(steps: Record<string, StepRecord>, step: string): boolean {
  return Object.values(steps).some((record) => record.promised?.includes(step));
}

function keptOutputs(plan: PlannedStep, past: StepRecord | undefined): OutputRecord[] {
  const kept = plan.outputs.filter((output) => !output.isDerived).map(({ name }) => name);
  return (past?.outputs ?? []).filter(({ name }) => kept.includes(name));
}

/** A file of another analysis under a name of our own; false when it is gone or not what it was. */
async function secureFile(from: string, to: string, { sha256 }: OutputRecord): Promise<boolean> {
  if (!(await linkOrCopy(from, to))) return false;
  if ((await checksumFile(to))?.sha256 === sha256) return true;
  await removePath(to);
  return false;
}

const NO_LINKS = ['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'ENOSYS'];

// A link is safe: finished files are replaced by others, never written to. False when there is no such file.
async function linkOrCopy(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOENT') return false;
    if (!NO_LINKS.includes(code)) throw error;
  }
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
