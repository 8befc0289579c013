import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CreateSampleArgs, CreateSampleControl, CreateSampleSteps } from '../../contracts/create_sample.js';
import type { JobInput } from '../../contracts/jobs.js';
import type { Pairing } from '../../contracts/reads.js';
import { fileSize, freshFolder } from '../../files/folders.js';
import { publishJson, removePartials, removePath } from '../../files/publish.js';
import type { SampleFile } from '../../store/samples/samples.js';
import type { ActivityDeps } from '../deps.js';
import { finishJob, undoJob } from '../ends.js';
import { InvalidInput } from '../errors.js';
import { importReads } from '../reads/import.js';
import { keepSampleQuality } from '../reads/quality.js';
import type { ReadFileFindings } from '../reads/read_file.js';
import { notesOf, warningsOf } from '../reads/remarks.js';
import { createStep, type Step } from '../steps/step.js';

/** What the pass over the uploads has found, until the sample has it. */
const FINDINGS = 'findings.json';

type Findings = { files: ReadFileFindings[] } | { refused: { message: string; advice: string } };

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

  const findingsPath = (args: CreateSampleArgs) => join(data.sample(args.sample_id), FINDINGS);
  const importUploads = async (context: Step<CreateSampleArgs>): Promise<Findings> => {
    const { args } = context;
    const paths = readPaths(args);
    const uploads = args.files.map(({ id, name }, index) => ({
      ...{ name, path: data.file(id), to: paths[index] as string },
    }));
    try {
      const files = await importReads(context, { uploads, pairing: pairingOf(args) });
      // Some of what has to be refused is found with the warnings.
      warningsOf(files, namesOf(args), args.srna);
      return { files };
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      return { refused: { message: error.message, advice: error.advice } };
    }
  };
  const copyReads = async (context: Step<CreateSampleArgs>): Promise<Findings> => {
    const findings = await importUploads(context);
    await publishJson(findingsPath(context.args), findings);
    return findings;
  };

  return {
    makeSampleDir: step<CreateSampleArgs>(async ({ args }) => {
      const folder = await freshFolder(data.sample(args.sample_id));
      await mkdir(join(folder, 'analysis'));
    }),

    copySampleFiles: step<CreateSampleArgs>(async (context) => {
      const findings = await copyReads(context);
      if ('files' in findings) await store.samples.setFiles(context.args.sample_id, await copiedFiles(context.args));
    }),

    // Unusable reads are refused here, as users of old clients know it, although the copying finds them.
    runSampleFastqc: step<CreateSampleArgs>(async (context) => {
      const { args } = context;
      const findings = (await readJson<Findings>(findingsPath(args))) ?? (await copyReads(context));
      if ('refused' in findings) throw new InvalidInput(findings.refused.message, findings.refused.advice);
      await keepSampleQuality(data.sample(args.sample_id), findings.files, namesOf(args), args.phred_offset ?? null);
    }),

    parseSampleFastqc: step<CreateSampleArgs>(async ({ args }) => {
      const found = await readJson<Findings>(findingsPath(args));
      if (!found || 'refused' in found) throw new Error('What was found in the reads is not there');
      const findings = found.files;
      const names = namesOf(args);
      const wanted = args.phred_offset ?? null;
      const { phred, quality } = await keepSampleQuality(data.sample(args.sample_id), findings, names, wanted);
      await store.samples.stageQuality(args.sample_id, quality, {
        phred,
        ...(findings.length === 2 ? { pairing: pairingOf(args) } : {}),
        unique_names: findings.every(({ uniqueNames }) => uniqueNames),
        warnings: warningsOf(findings, names, args.srna),
        notes: notesOf(findings, names),
      });
    }),

    // The uploads go with the end of the job, which nothing can cancel: no cancel may cost both sample and uploads.
    cleanWatch: step<CreateSampleArgs>(async ({ args }) => {
      for (const path of readPaths(args)) {
        if ((await fileSize(path)) === undefined) throw new Error('The copied reads are not there');
      }
      await removePartials(data.sample(args.sample_id));
      await removePath(findingsPath(args));
    }),
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
        for (const cacheId of await store.samples.remove(sampleId)) await removePath(data.cache(cacheId));
      });
      await store.files.release(ids, input.jobId);
    },
  } satisfies CreateSampleControl;
}

function namesOf({ files }: CreateSampleArgs): string[] {
  return files.map(({ name }) => name);
}

// Jobs of older releases have no word about it.
function pairingOf({ pairing }: CreateSampleArgs): Pairing {
  return pairing ?? 'by_name';
}

async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
