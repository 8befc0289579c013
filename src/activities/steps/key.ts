import { join } from 'node:path';
import type { PathoscopeArgs } from '../../contracts/pathoscope.js';
import { checksumFile } from '../../files/checksums.js';
import { fileSize } from '../../files/folders.js';
import type { OutputRecord, StepKey, StepRecord } from '../../store/provenance.js';
import { ToolMissing } from '../../tools/errors.js';
import { identifyProgram } from '../../tools/identity.js';
import { loadReads } from '../analysis_files/inputs.js';
import { NUVS_FILES, readJson } from '../analysis_files/nuvs.js';
import type { ActivityDeps } from '../deps.js';
import { PROFILES } from '../hmms/profiles.js';
import { combine, describeFiles, hashText, indexFiles } from './product_checksums.js';
import type { PlannedStep, SharedInput } from './reuse_plan.js';

/** The analysis that a step belongs to. */
export type StepContext = {
  deps: ActivityDeps;
  args: PathoscopeArgs;
  signal: AbortSignal;
  /** What earlier steps of this analysis have left, by step. */
  steps: Record<string, StepRecord>;
};

/** Checksums of files of the analysis' folder that reused steps would leave, by name. */
export type Assumed = ReadonlyMap<string, string>;

/** All that decides about the result of a step, as things are now. What is missing has the checksum null. */
export async function makeStepKey(
  context: StepContext,
  step: string,
  plan: PlannedStep,
  assumed: Assumed = new Map(),
): Promise<StepKey> {
  const inputs: StepKey['inputs'] = [];
  for (const name of plan.shared ?? []) inputs.push({ name, sha256: await checksumShared(context, name) });
  for (const name of plan.files ?? []) inputs.push({ name, sha256: await checksumLeft(context, name, assumed) });
  const programs: StepKey['programs'] = [];
  for (const program of plan.programs) programs.push(await identify(program));
  // What the server itself does with a program's output may change with its version.
  programs.push({ program: 'virtool', version: context.deps.version ?? null, sha256: null });
  const library = plan.byLibrary ? await libraryOf(context) : {};
  const parameters = {
    revision: plan.revision ?? 1,
    ...library,
    ...(plan.byQualities ? await qualitiesOf(context) : {}),
  };
  return { sha256: hashText(JSON.stringify({ step, inputs, programs, parameters })), inputs, programs, parameters };
}

/** The files that a step has left, by their content, or by its key where the plan says so. */
export async function recordOutputs(folder: string, plan: PlannedStep, key: StepKey): Promise<OutputRecord[]> {
  const outputs: OutputRecord[] = [];
  for (const { name, isDerived } of plan.outputs) {
    const path = join(folder, name);
    if (isDerived) {
      const isThere = (await fileSize(path)) !== undefined;
      if (isThere) outputs.push({ name, size: null, sha256: hashText(`${key.sha256} ${name}`) });
      continue;
    }
    const checksum = await checksumFile(path);
    if (checksum) outputs.push({ name, ...checksum });
  }
  return outputs;
}

const CHANGED: Record<SharedInput, string> = {
  'trimmed reads': 'the trimmed reads have changed',
  'reference index': 'the index of the reference is another one',
  'subtraction index': 'the subtraction has changed',
  'HMM profiles': 'the HMM profiles have changed',
};

/** Why the key of a step is not what it was, to be read after "because". */
export function describeDifference(before: StepKey, now: StepKey): string {
  for (const { program, version, sha256 } of now.programs) {
    const former = before.programs.find((one) => one.program === program);
    if (former?.version !== version) {
      return `${program} is version ${version ?? 'unknown'}, it was ${former?.version ?? 'unknown'}`;
    }
    if (former?.sha256 !== sha256) return `${program} ${version ?? ''} is another build`;
  }
  for (const { name, sha256 } of now.inputs) {
    if (before.inputs.find((one) => one.name === name)?.sha256 === sha256) continue;
    return CHANGED[name as SharedInput] ?? `earlier steps have left another ${name}`;
  }
  return 'its parameters have changed';
}

async function checksumShared(context: StepContext, input: SharedInput): Promise<string | null> {
  return combine(await describeFiles(await sharedFiles(context, input), context.signal));
}

/** The files of an input that lies outside the analysis' folder. */
export async function sharedFiles({ deps, args }: StepContext, input: SharedInput): Promise<string[]> {
  const { data, store } = deps;
  const folder = data.analysis(args.sample_id, args.analysis_id);
  switch (input) {
    case 'trimmed reads':
      return (await loadReads(folder)).paths;
    case 'reference index':
      return indexFiles(join(data.index(args.ref_id, args.index_id), 'reference'));
    case 'subtraction index': {
      const sample = await store.samples.get(args.sample_id);
      return sample ? indexFiles(join(data.subtraction(sample.subtraction.id), 'reference')) : [];
    }
    case 'HMM profiles': {
      const chosen = await readJson<{ folder: string }>(join(folder, NUVS_FILES.profiles));
      return [join(data.hmmInstallation(chosen.folder), PROFILES)];
    }
  }
}

/** The checksum of what an earlier step has left, without reading it again where that is known. */
async function checksumLeft(
  { deps, args, steps }: StepContext,
  name: string,
  assumed: Assumed,
): Promise<string | null> {
  const known = assumed.get(name) ?? leftBy(steps).get(name);
  if (known !== undefined) return known;
  const path = join(deps.data.analysis(args.sample_id, args.analysis_id), name);
  return (await checksumFile(path))?.sha256 ?? null;
}

/** Checksums of all files that the steps have left. */
function leftBy(steps: Record<string, StepRecord>): Map<string, string> {
  const outputs = Object.values(steps).flatMap((step) => step.outputs ?? []);
  return new Map(outputs.map(({ name, sha256 }) => [name, sha256]));
}

async function identify(program: string): Promise<StepKey['programs'][number]> {
  try {
    const { version, sha256 } = await identifyProgram(program);
    return { program, version, sha256 };
  } catch (error) {
    // The step itself says what is missing, if it needs it at all.
    if (error instanceof ToolMissing) return { program, version: null, sha256: null };
    throw error;
  }
}

async function qualitiesOf({ deps, args }: StepContext): Promise<Record<string, unknown>> {
  const { phredOffset } = await loadReads(deps.data.analysis(args.sample_id, args.analysis_id));
  return { phred_offset: phredOffset };
}

async function libraryOf({ deps, args }: StepContext): Promise<Record<string, unknown>> {
  const sample = await deps.store.samples.get(args.sample_id);
  return { srna: sample?.srna === true, paired: sample?.paired === true };
}
