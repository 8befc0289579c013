import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CreateSampleArgs, CreateSampleControl, CreateSampleSteps } from '../../contracts/create_sample.js';
import type { JobInput } from '../../contracts/jobs.js';
import { fileSize, freshFolder, isGzipped } from '../../files/folders.js';
import { copyWithProgress, publishFile, removePartials, removePath } from '../../files/publish.js';
import type { SampleFile } from '../../store/samples/samples.js';
import { compressFile } from '../../tools/pigz.js';
import type { ActivityDeps } from '../deps.js';
import { InvalidInput } from '../errors.js';
import { checkReadFiles, endWithLineFeed, keepQuality, runFastqc } from '../reads/quality.js';
import { createStep } from '../steps/step.js';

/** Steps of `create_sample`. */
export function createCreateSampleSteps(deps: ActivityDeps) {
  const { store, data } = deps;
  const step = createStep(deps);
  const readPaths = (args: CreateSampleArgs) =>
    args.files.map((_, index) => join(data.sample(args.sample_id), `reads_${index + 1}.fq.gz`));
  const copiedFiles = (args: CreateSampleArgs): Promise<SampleFile[]> =>
    Promise.all(
      args.files.map(async (file, index) => {
        const name = `reads_${index + 1}.fq.gz`;
        const size = (await fileSize(readPaths(args)[index] as string)) ?? 0;
        return { name, download_url: `/download/samples/${args.sample_id}/${name}`, size, from: file, raw: true };
      }),
    );

  return {
    makeSampleDir: step<CreateSampleArgs>(async ({ args }) => {
      const folder = await freshFolder(data.sample(args.sample_id));
      await mkdir(join(folder, 'analysis'));
    }),

    copySampleFiles: step<CreateSampleArgs>(async ({ args, threads, signal, log, report, attempt }) => {
      for (const [index, file] of args.files.entries()) {
        const from = data.file(file.id);
        const to = readPaths(args)[index] as string;
        const share = (fraction: number) => report((index + fraction) / args.files.length);
        if (!(await fileSize(from))) {
          throw new InvalidInput(`The uploaded file ${file.name} is empty or missing.`, 'Upload the reads again.');
        }
        const partial = `${to}.${attempt}.partial`;
        if (await isGzipped(from)) await copyWithProgress(from, partial, { signal, onFraction: share });
        else {
          const inputs = { paths: [from], onFraction: share };
          await compressFile({ from, to: partial, threads }, { signal, log, inputs });
        }
        await publishFile(partial, to);
      }
      await store.samples.setFiles(args.sample_id, await copiedFiles(args));
    }),

    runSampleFastqc: step<CreateSampleArgs>(async (context) => {
      const reads = readPaths(context.args);
      const names = context.args.files.map((file) => file.name);
      // Side by side: the check finds what FastQC passes over, such as qualities of another length than their read.
      const stop = new AbortController();
      const signal = AbortSignal.any([context.signal, stop.signal]);
      const checking = checkReadFiles(reads, names, signal);
      checking.catch((error: unknown) => stop.abort(error));
      const fastqc = runFastqc({ ...context, signal }, reads, data.sample(context.args.sample_id), 'fastqc');
      const [checked, ran] = await Promise.allSettled([checking, fastqc]);
      if (checked.status === 'rejected' && !isAbort(checked.reason)) throw checked.reason;
      if (ran.status === 'rejected') throw ran.reason;
      if (checked.status === 'rejected') throw checked.reason;
      await endWithLineFeed(reads, checked.value);
    }),

    parseSampleFastqc: step<CreateSampleArgs>(async ({ args }) => {
      const folder = data.sample(args.sample_id);
      const quality = await keepQuality(join(folder, 'fastqc'), folder, args.files.length);
      // Again, as the check may have added a line feed.
      await store.samples.setFiles(args.sample_id, await copiedFiles(args));
      await store.samples.setQuality(args.sample_id, quality);
    }),

    // The uploads go with the end of the job, which nothing can cancel: no cancel may cost both sample and uploads.
    cleanWatch: step<CreateSampleArgs>(async ({ args }) => {
      for (const path of readPaths(args)) {
        if ((await fileSize(path)) === undefined) throw new Error('The copied reads are not there');
      }
      await removePartials(data.sample(args.sample_id));
    }),
  } satisfies CreateSampleSteps;
}

/** What ends a `create_sample` job. */
export function createCreateSampleControl({ store, data }: ActivityDeps) {
  return {
    async finishCreateSample(input: JobInput) {
      const ids = (input.args as CreateSampleArgs).files.map((file) => file.id);
      await store.database.transaction(async (session) => {
        await store.files.remove(ids, session);
        await store.jobs.close(input.jobId, { state: 'complete', error: null, stage: 'clean_watch' }, session);
      });
      for (const id of ids) await removePath(data.file(id));
    },

    async undoCreateSample(input: JobInput) {
      const args = input.args as CreateSampleArgs;
      await removePath(data.sample(args.sample_id));
      await store.samples.remove(args.sample_id);
      await store.files.release(
        args.files.map((file) => file.id),
        input.jobId,
      );
    },
  } satisfies CreateSampleControl;
}

function isAbort(reason: unknown): boolean {
  return reason instanceof Error && reason.name === 'AbortError';
}
