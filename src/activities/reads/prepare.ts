import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashParameters, TRIMMING_PROGRAM, trimmingParameters } from '../../bio/trimming.js';
import type { PathoscopeArgs } from '../../contracts/pathoscope.js';
import { fileSize } from '../../files/folders.js';
import { publishJson, removePartials } from '../../files/publish.js';
import type { CacheDocument } from '../../store/caches.js';
import type { SampleDocument } from '../../store/samples/samples.js';
import { loadInputs, loadReads, type PreparedReads } from '../analysis_files/inputs.js';
import type { ActivityDeps } from '../deps.js';
import { InvalidInput } from '../errors.js';
import { waitOutside } from '../steps/admission.js';
import { createStep, type Step } from '../steps/step.js';
import { readQuality } from './quality.js';
import { trimReads } from './trim.js';

const CLAIM_PAUSE_MS = 1_000;

/** The steps that all analyses share: trimmed reads and their quality, made once per sample and parameters. */
export function createPrepareSteps(deps: ActivityDeps) {
  const step = createStep(deps);
  return {
    prepareReads: step<PathoscopeArgs>(async (context) => {
      const { sample, folder } = await loadInputs(deps, context.args);
      const reads = sample.files.every((file) => 'raw' in file && file.raw)
        ? await trimmedReads(deps, context, sample)
        : legacyReads(deps, sample);
      await publishJson(join(folder, 'reads.json'), reads);
    }),

    prepareQuality: step<PathoscopeArgs>(async (context) => {
      const { folder } = await loadInputs(deps, context.args);
      const { paths, cacheId } = await loadReads(folder);
      if (cacheId === null) return;
      const cache = await deps.store.caches.get(cacheId);
      if (!cache) throw new InvalidInput('The trimmed reads were deleted meanwhile.', 'Start the analysis again.');
      if (!cache.ready) await publishCache(deps, cacheId, paths);
      await deps.store.analyses.setCache(context.args.analysis_id, cacheId);
    }),
  };
}

// Samples from before release 3.4 hold trimmed reads only.
function legacyReads({ data }: ActivityDeps, sample: SampleDocument): PreparedReads {
  const paths = sample.files.map((_, index) => join(data.sample(sample._id), `reads_${index + 1}.fastq`));
  return { paths, cacheId: null };
}

async function trimmedReads(
  deps: ActivityDeps,
  context: Step<PathoscopeArgs>,
  sample: SampleDocument,
): Promise<PreparedReads> {
  const { cache, isNew } = await claimCache(deps, context, sample);
  const folder = deps.data.cache(cache._id);
  const paths = sample.files.map((_, index) => join(folder, `reads_${index + 1}.fq.gz`));
  if (isNew) {
    const reads = sample.files.map((_, index) => join(deps.data.sample(sample._id), `reads_${index + 1}.fq.gz`));
    const parameters = trimmingParameters({ paired: sample.paired, srna: sample.srna === true });
    await trimReads(context, { parameters, reads, folder, expected: expectedReads(sample) });
  }
  return { paths, cacheId: cache._id };
}

async function claimCache(
  deps: ActivityDeps,
  { jobId, signal, log }: Step<PathoscopeArgs>,
  sample: SampleDocument,
): Promise<{ cache: CacheDocument; isNew: boolean }> {
  const parameters = trimmingParameters({ paired: sample.paired, srna: sample.srna === true });
  const claim = {
    jobId,
    sampleId: sample._id,
    program: TRIMMING_PROGRAM,
    hash: hashParameters(parameters),
    parameters,
    paired: sample.paired,
  };
  for (;;) {
    const { state, cache } = await deps.store.caches.claim(claim);
    if (state === 'claimed') return { cache, isNew: true };
    if (state === 'ready') {
      if (await fileSize(join(deps.data.cache(cache._id), 'reads_1.fq.gz'))) return { cache, isNew: false };
      await deps.store.caches.removeLost(cache._id);
      continue;
    }
    log.line('Another analysis of the sample is trimming its reads: waiting for them');
    await waitOutside(() => untilMade(deps, cache._id, signal));
  }
}

async function untilMade({ store }: ActivityDeps, cacheId: string, signal: AbortSignal): Promise<void> {
  while (await store.caches.isBeingMade(cacheId)) await sleep(CLAIM_PAUSE_MS, undefined, { signal });
}

// Reads of a single file, or pairs: the quality counts the reads of both files.
function expectedReads(sample: SampleDocument): number {
  const count = Number(sample.quality?.count ?? 0);
  return sample.paired ? count / 2 : count;
}

async function publishCache(deps: ActivityDeps, cacheId: string, paths: readonly string[]): Promise<void> {
  const folder = deps.data.cache(cacheId);
  const quality = await readQuality(folder, paths.length);
  const files = await Promise.all(
    paths.map(async (path, index) => ({ name: `reads_${index + 1}.fq.gz`, size: (await fileSize(path)) ?? 0 })),
  );
  await removePartials(folder);
  await deps.store.caches.publish(cacheId, quality, files);
}
