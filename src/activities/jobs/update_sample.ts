import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hashParameters, LEGACY_TRIMMING_PARAMETERS, TRIMMING_PROGRAM } from '../../bio/trimming.js';
import type { JobInput } from '../../contracts/jobs.js';
import type { UpdateSampleArgs, UpdateSampleControl, UpdateSampleSteps } from '../../contracts/update_sample.js';
import { fileSize } from '../../files/folders.js';
import { publishFile, removePartials, removePath } from '../../files/publish.js';
import { hasRawReads } from '../../store/samples/sample_files.js';
import type { SampleDocument } from '../../store/samples/samples.js';
import { compressFile } from '../../tools/pigz.js';
import type { ActivityDeps } from '../deps.js';
import { finishJob, undoJob } from '../ends.js';
import { InvalidInput } from '../errors.js';
import { createReadIntake, type Intake } from '../reads/intake.js';
import { createStep, type Step } from '../steps/step.js';

const TEXT_PREFIX = 'replacement_fastqc_';

/** Steps of `update_sample`. Until its end nothing of the sample is shown changed, and analyses go on with the old reads. */
export function createUpdateSampleSteps(deps: ActivityDeps) {
  const { store, data } = deps;
  const step = createStep(deps);
  const intake = createReadIntake(data);

  const requireSample = async ({ jobId, args }: Step<UpdateSampleArgs>): Promise<SampleDocument> => {
    const sample = await store.replacements.ofJob(args.sample_id, jobId);
    if (!sample) throw new InvalidInput('The sample was deleted meanwhile.', 'Choose another sample.');
    // Whatever an old release has put together: raw reads are never written over.
    if (hasRawReads(sample)) {
      throw new InvalidInput('The sample holds raw reads already.', 'Make a new sample of the other reads.');
    }
    return sample;
  };

  return {
    copyReplacements: step<UpdateSampleArgs>(async (context) => {
      await requireSample(context);
      await intake.copy(context, intakeOf(context.args));
    }),

    runReplacementFastqc: step<UpdateSampleArgs>((context) => intake.requireUsable(context, intakeOf(context.args))),

    parseReplacementFastqc: step<UpdateSampleArgs>(async (context) => {
      await requireSample(context);
      const { quality, facts } = await intake.found(intakeOf(context.args));
      await store.samples.stageQuality(context.args.sample_id, quality, facts);
    }),

    createLegacyCache: step<UpdateSampleArgs>(async (context) => {
      await makeLegacyCache(deps, context, await requireSample(context));
    }),

    replaceOldReads: step<UpdateSampleArgs>(({ args }) => intake.finish(intakeOf(args))),
  } satisfies UpdateSampleSteps;
}

/** What ends an `update_sample` job. */
export function createUpdateSampleControl(deps: ActivityDeps) {
  const { store, data, log } = deps;
  const intake = createReadIntake(data);
  return {
    async finishUpdateSample(input: JobInput) {
      const args = input.args as UpdateSampleArgs;
      const { sample_id: sampleId } = args;
      const ids = (args.files ?? []).map(({ id }) => id);
      const listed = await intake.sampleFiles(intakeOf(args));
      await finishJob(deps, input, data.sample(sampleId), async (session) => {
        await store.files.remove(ids, session);
        return store.replacements.publish(sampleId, input.jobId, listed, session);
      });
      // Without a document they go with the next clean-up, at the latest.
      for (const id of ids) {
        await removePath(data.file(id)).catch((err: unknown) => log.warn({ err, fileId: id }, 'upload not removed'));
      }
    },

    async undoUpdateSample(input: JobInput) {
      const { sample_id: sampleId } = input.args as UpdateSampleArgs;
      await undoJob(deps, input, async () => {
        const sample = await store.replacements.ofJob(sampleId, input.jobId);
        if (sample && !hasRawReads(sample)) await intake.undo(sampleId, TEXT_PREFIX);
        // A step may have made the folder again.
        if (!sample && !(await store.samples.get(sampleId))) await removePath(data.sample(sampleId));
        for (const cacheId of await store.caches.removeUnready(input.jobId)) await removePath(data.cache(cacheId));
        await store.replacements.giveUp(sampleId, input.jobId);
      });
    },
  } satisfies UpdateSampleControl;
}

/** Makes a cache of the trimmed reads that the sample came with, as a cache of skewer that nobody looks for. */
async function makeLegacyCache(
  { store, data }: ActivityDeps,
  { jobId, threads, signal, log, report, attempt }: Step<UpdateSampleArgs>,
  sample: SampleDocument,
): Promise<void> {
  const from = sample.files.map((_, index) => join(data.sample(sample._id), `reads_${index + 1}.fastq`));
  const sizes = await Promise.all(from.map(fileSize));
  if (sizes.includes(undefined)) {
    const text = 'The files of the former reads are missing, so they are not kept.';
    await store.jobs.addNote(jobId, { stage: 'create_cache', text });
    return;
  }
  const { cache } = await store.caches.claim({
    ...{ jobId, sampleId: sample._id, program: TRIMMING_PROGRAM, rule: 'legacy', legacy: true },
    ...{ hash: hashParameters(LEGACY_TRIMMING_PARAMETERS), parameters: { ...LEGACY_TRIMMING_PARAMETERS } },
    paired: sample.paired,
  });
  const folder = data.cache(cache._id);
  const files: { name: string; size: number }[] = [];
  for (const [index, path] of from.entries()) {
    const name = `reads_${index + 1}.fq.gz`;
    const partial = join(folder, `${name}.${attempt}.partial`);
    const onFraction = (fraction: number) => report((index + fraction) / from.length);
    await mkdir(folder, { recursive: true });
    await compressFile({ from: path, to: partial, threads }, { signal, log, inputs: { paths: [path], onFraction } });
    await publishFile(partial, join(folder, name));
    files.push({ name, size: (await fileSize(join(folder, name))) ?? 0 });
  }
  await removePartials(folder);
  await store.caches.describe(cache._id, sample.quality, files);
}

function intakeOf({ sample_id, files, srna, pairing, phred_offset }: UpdateSampleArgs): Intake {
  if (!files) {
    throw new InvalidInput(
      'The job was made by an older release and does not say which uploads it is about.',
      'Start the replacement of the reads again.',
    );
  }
  return {
    uploads: files.map((file) => ({ ...file, uploaded_at: new Date(file.uploaded_at) })),
    ...{ sampleId: sample_id, srna: srna === true },
    ...{ pairing: pairing ?? 'by_name', phredOffset: phred_offset ?? null, textPrefix: TEXT_PREFIX },
  };
}
