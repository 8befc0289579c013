import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashParameters, TRIMMING_PROGRAM, trimmingParameters } from '../../bio/trimming.js';
import type { PathoscopeArgs } from '../../contracts/pathoscope.js';
import { fileSize } from '../../files/folders.js';
import { publishJson, removePartials } from '../../files/publish.js';
import type { CacheDocument, TrimmedCounts } from '../../store/caches.js';
import { hasRawReads } from '../../store/samples/sample_files.js';
import type { SampleDocument } from '../../store/samples/samples.js';
import { loadInputs, loadReads, type PreparedReads } from '../analysis_files/inputs.js';
import type { ActivityDeps } from '../deps.js';
import { InvalidInput } from '../errors.js';
import { waitOutside } from '../steps/admission.js';
import { createStep, type Step } from '../steps/step.js';
import { fewReadsWarnings, usedReads } from './left.js';
import { passLegacyReads } from './legacy.js';
import { readQuality } from './quality.js';
import { type SampleFacts, sampleFacts } from './sample_facts.js';
import { trimReads } from './trim.js';

const CLAIM_PAUSE_MS = 1_000;
/** To be changed when the server itself makes something else of trimmed reads: caches of the former rule are not found any more. */
const READS_RULE = 'named-2';

/** The steps that all analyses share: trimmed reads and their quality, made once per sample and parameters. */
export function createPrepareSteps(deps: ActivityDeps) {
  const step = createStep(deps);
  return {
    prepareReads: step<PathoscopeArgs>(async (context) => {
      const { sample, folder } = await loadInputs(deps, context.args);
      // Samples from before release 3.4 hold trimmed reads only.
      const isRaw = hasRawReads(sample);
      const ending = isRaw ? 'fq.gz' : 'fastq';
      const paths = sample.files.map((_, index) => join(deps.data.sample(sample._id), `reads_${index + 1}.${ending}`));
      const facts = await sampleFacts(deps, context, { sample, paths, folder });
      const reads = isRaw
        ? await trimmedReads(deps, context, sample, paths, facts)
        : await passLegacyReads({ paths, folder, facts, attempt: context.attempt, signal: context.signal });
      await publishJson(join(folder, 'reads.json'), reads);
    }),

    prepareQuality: step<PathoscopeArgs>(async (context) => {
      const { folder } = await loadInputs(deps, context.args);
      const { paths, cacheId, counts } = await loadReads(folder);
      if (counts) await noteReads(deps, context, counts);
      if (cacheId === null) return;
      const cache = await deps.store.caches.get(cacheId);
      if (!cache) throw new InvalidInput('The trimmed reads were deleted meanwhile.', 'Start the analysis again.');
      if (!cache.ready) await publishCache(deps, cacheId, paths, counts);
      await deps.store.analyses.setCache(context.args.analysis_id, cacheId);
    }),
  };
}

async function trimmedReads(
  deps: ActivityDeps,
  context: Step<PathoscopeArgs>,
  sample: SampleDocument,
  raw: readonly string[],
  { phredOffset, needNumbers }: SampleFacts,
): Promise<PreparedReads> {
  const { cache, isNew } = await claimCache(deps, context, sample, phredOffset);
  const folder = deps.data.cache(cache._id);
  const paths = raw.map((_, index) => join(folder, `reads_${index + 1}.fq.gz`));
  const found = { paths, cacheId: cache._id, phredOffset };
  if (!isNew) return cache.counts ? { ...found, counts: cache.counts } : found;
  const parameters = trimmingParameters({ paired: sample.paired, srna: sample.srna === true });
  const expected = expectedReads(sample);
  const trimming = { parameters, reads: raw, folder, expected, phredOffset, isNumbered: needNumbers };
  return { ...found, counts: await trimReads(context, trimming) };
}

/** Notes what became of the reads in the analysis; of warnings its job knows too. */
async function noteReads(
  { store }: ActivityDeps,
  { jobId, args }: Step<PathoscopeArgs>,
  counts: TrimmedCounts,
): Promise<void> {
  const { total, left } = counts;
  const warnings = fewReadsWarnings(counts);
  for (const { message } of warnings) await store.jobs.addNote(jobId, { stage: 'prepare_qc', text: message });
  await store.analyses.setReads(args.analysis_id, { total, trimmed: total - left, used: usedReads(counts) }, warnings);
}

async function claimCache(
  deps: ActivityDeps,
  { jobId, signal, log }: Step<PathoscopeArgs>,
  sample: SampleDocument,
  phredOffset: 33 | 64,
): Promise<{ cache: CacheDocument; isNew: boolean }> {
  const parameters = trimmingParameters({ paired: sample.paired, srna: sample.srna === true });
  const claim = {
    jobId,
    sampleId: sample._id,
    program: TRIMMING_PROGRAM,
    hash: hashParameters(parameters),
    parameters,
    rule: `phred${phredOffset} ${READS_RULE}`,
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

async function publishCache(
  deps: ActivityDeps,
  cacheId: string,
  paths: readonly string[],
  counts: TrimmedCounts | undefined,
): Promise<void> {
  const folder = deps.data.cache(cacheId);
  const quality = await readQuality(folder, paths.length);
  const files = await Promise.all(
    paths.map(async (path, index) => ({ name: `reads_${index + 1}.fq.gz`, size: (await fileSize(path)) ?? 0 })),
  );
  await removePartials(folder);
  await deps.store.caches.publish(cacheId, quality, files, counts);
}
