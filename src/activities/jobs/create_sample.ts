import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CreateSampleArgs, CreateSampleControl, CreateSampleSteps } from '../../contracts/create_sample.js';
import type { JobInput } from '../../contracts/jobs.js';
import { freshFolder } from '../../files/folders.js';
import { removePath } from '../../files/publish.js';
import type { ActivityDeps } from '../deps.js';
import { finishJob, undoJob } from '../ends.js';
import { createReadIntake, type Intake } from '../reads/intake.js';
import { createStep } from '../steps/step.js';

/** Steps of `create_sample`. */
export function createCreateSampleSteps(deps: ActivityDeps) {
  const { store, data } = deps;
  const step = createStep(deps);
  const intake = createReadIntake(data);

  return {
    makeSampleDir: step<CreateSampleArgs>(async ({ args }) => {
      const folder = await freshFolder(data.sample(args.sample_id));
      await mkdir(join(folder, 'analysis'));
    }),

    copySampleFiles: step<CreateSampleArgs>(async (context) => {
      const { args } = context;
      if (!(await intake.copy(context, intakeOf(args)))) return;
      await store.samples.setFiles(args.sample_id, await intake.sampleFiles(intakeOf(args)));
    }),

    runSampleFastqc: step<CreateSampleArgs>((context) => intake.requireUsable(context, intakeOf(context.args))),

    parseSampleFastqc: step<CreateSampleArgs>(async ({ args }) => {
      const { quality, facts } = await intake.found(intakeOf(args));
      await store.samples.stageQuality(args.sample_id, quality, facts);
    }),

    // The uploads go with the end of the job, which nothing can cancel: no cancel may cost both sample and uploads.
    cleanWatch: step<CreateSampleArgs>(({ args }) => intake.finish(intakeOf(args))),
  } satisfies CreateSampleSteps;
}

/** What ends a `create_sample` job. */
export function createCreateSampleControl(deps: ActivityDeps) {
  const { store, data, log } = deps;
  return {
    async finishCreateSample(input: JobInput) {
      const { sample_id: sampleId, files } = input.args as CreateSampleArgs;
      const ids = files.map((file) => file.id);
      await finishJob(deps, input, data.sample(sampleId), async (session) => {
        await store.files.remove(ids, session);
        return store.samples.publish(sampleId, session);
      });
      // Without a document they go with the next clean-up, at the latest.
      for (const id of ids) {
        await removePath(data.file(id)).catch((err: unknown) => log.warn({ err, fileId: id }, 'upload not removed'));
      }
    },

    async undoCreateSample(input: JobInput) {
      const { sample_id: sampleId, files } = input.args as CreateSampleArgs;
      const ids = files.map((file) => file.id);
      await undoJob(deps, input, async () => {
        await removePath(data.sample(sampleId));
        const { cacheIds } = await store.samples.remove(sampleId);
        for (const cacheId of cacheIds) await removePath(data.cache(cacheId));
      });
      await store.files.release(ids, input.jobId);
    },
  } satisfies CreateSampleControl;
}

// Jobs of older releases have no word about pairing and offset.
function intakeOf({ sample_id, files, srna, pairing, phred_offset }: CreateSampleArgs): Intake {
  return {
    sampleId: sample_id,
    uploads: files,
    srna,
    pairing: pairing ?? 'by_name',
    phredOffset: phred_offset ?? null,
  };
}
