import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { FastaValidator } from '../../bio/fasta.js';
import { FastaForm } from '../../bio/fasta_form.js';
import type {
  CreateSubtractionArgs,
  CreateSubtractionControl,
  CreateSubtractionSteps,
} from '../../contracts/create_subtraction.js';
import type { JobInput } from '../../contracts/jobs.js';
import { readBlocks } from '../../files/blocks.js';
import { sharesFolder, subtractionSlug } from '../../files/data_directory.js';
import { fileSize, freshFolder, isGzipped } from '../../files/folders.js';
import { BadGzip, gunzip } from '../../files/gunzip.js';
import { publishFile, publishFiles, removePartials, removePath } from '../../files/publish.js';
import { buildSubtractionIndex } from '../../tools/bowtie2.js';
import { compressFile } from '../../tools/pigz.js';
import { limited } from '../../tools/process/sinks.js';
import { bowtie2BuildProgress } from '../../tools/progress.js';
import { eachLine, runTool } from '../../tools/runner.js';
import type { ActivityDeps } from '../deps.js';
import { finishJob, undoJob } from '../ends.js';
import { InvalidInput } from '../errors.js';
import { createStep, type Step } from '../steps/step.js';

/** Largest host genome that is unpacked, in bytes of FASTA: four times the largest plant genome known. */
const MAXIMUM_FASTA_BYTES = 600e9;

/** Steps of `create_subtraction`. */
export function createCreateSubtractionSteps(deps: ActivityDeps) {
  const { store, data } = deps;
  const step = createStep(deps);
  const fastaPath = (id: string) => join(data.subtraction(id), `${subtractionSlug(id)}.fa`);

  return {
    makeSubtractionDir: step<CreateSubtractionArgs>(async ({ args }) => {
      // A job that an old release took on; this server refuses such a name when it is chosen.
      if (sharesFolder(args.subtraction_id, await store.subtractions.names())) {
        throw new InvalidInput('Another subtraction of a like name lies in the same folder.', 'Choose another name.');
      }
      await mkdir(data.subtraction(args.subtraction_id), { recursive: true });
    }),

    unpackSubtraction: step<CreateSubtractionArgs>(async (context) => {
      const { args, attempt } = context;
      const from = data.file(args.file_id);
      if (!(await fileSize(from))) {
        throw new InvalidInput('The uploaded file is empty or missing.', 'Upload the host genome again.');
      }
      const partial = `${fastaPath(args.subtraction_id)}.${attempt}.partial`;
      if (await isGzipped(from)) await unpack(from, partial, context);
      else await copyFile(from, partial);
      await publishFile(partial, fastaPath(args.subtraction_id));
    }),

    setSubtractionStats: step<CreateSubtractionArgs>(async ({ args, signal, log, report, attempt }) => {
      const path = fastaPath(args.subtraction_id);
      const size = (await fileSize(path)) ?? 0;
      const validator = new FastaValidator();
      let bytes = 0;
      for await (const block of readBlocks(path, signal)) {
        if (!validator.push(block)) break;
        bytes += block.length;
        report(bytes / size);
      }
      const result = validator.finish();
      if (!result.ok) throw new InvalidInput(result.problem.message, 'Correct the file and upload it again.');
      const { gc, count, uracils, hasCarriageReturns } = result.statistics;
      const notes = uracils > 0 ? [`U was read as T at ${uracils} base${uracils === 1 ? '' : 's'}.`] : [];
      await store.subtractions.setStats(args.subtraction_id, { gc, count, notes });
      for (const note of notes) log.line(note);
      if (uracils > 0 || hasCarriageReturns) await rewrite(path, `${path}.${attempt}.partial`, signal);
    }),

    buildSubtractionIndex: step<CreateSubtractionArgs>(async ({ args, threads, signal, log, report, attempt }) => {
      const folder = data.subtraction(args.subtraction_id);
      const build = await freshFolder(join(folder, `index.${attempt}.partial`));
      const command = buildSubtractionIndex({
        fasta: fastaPath(args.subtraction_id),
        prefix: join(build, 'reference'),
        threads,
      });
      const progress = bowtie2BuildProgress();
      await runTool(command, { signal, log, stdout: eachLine((line) => report(progress(line) ?? 0)) });
      await publishFiles(build, folder);
      await removePath(build);
    }),

    compressSubtraction: step<CreateSubtractionArgs>(async ({ args, threads, signal, log, report, attempt }) => {
      const from = fastaPath(args.subtraction_id);
      const to = `${from}.gz`;
      // A second try after the plain file has gone finds the work done.
      if ((await fileSize(from)) !== undefined || !(await fileSize(to))) {
        const partial = `${to}.${attempt}.partial`;
        const inputs = { paths: [from], onFraction: report };
        await compressFile({ from, to: partial, threads }, { signal, log, inputs });
        await publishFile(partial, to);
        await removePath(from);
      }
      await removePartials(data.subtraction(args.subtraction_id));
    }),
  } satisfies CreateSubtractionSteps;
}

/** Brings the host's FASTA into the form that is kept; what bowtie2-build does not know it would leave out without a word. */
async function rewrite(path: string, partial: string, signal: AbortSignal): Promise<void> {
  const form = new FastaForm();
  await pipeline(
    createReadStream(path, { highWaterMark: 1 << 20 }),
    async function* inForm(chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) yield form.push(chunk);
    },
    createWriteStream(partial),
    { signal },
  );
  await publishFile(partial, path);
}

/**
 * Unpacks a gzip file of any number of members.
 *
 * @throws InvalidInput when it is damaged or cut, or when something else follows its data.
 */
async function unpack(
  from: string,
  to: string,
  { signal, report }: Pick<Step<unknown>, 'signal' | 'report'>,
): Promise<void> {
  const size = (await fileSize(from)) || 1;
  let bytes = 0;
  const source = async function* () {
    for await (const chunk of createReadStream(from, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      report(bytes / size);
      yield chunk;
    }
  };
  const plain = limited(gunzip(source(), { hasPadding: false }), MAXIMUM_FASTA_BYTES);
  await pipeline(plain, createWriteStream(to), { signal }).catch((error: unknown) => {
    throw error instanceof BadGzip ? unusable(error) : error;
  });
}

function unusable({ problem }: BadGzip): InvalidInput {
  return problem === 'trailing_bytes'
    ? new InvalidInput(
        'Something that is not gzip data follows the compressed host genome.',
        'Compress the host genome again, into one gzip file, and upload it.',
      )
    : new InvalidInput(
        'The gzip data of the uploaded file is damaged or cut.',
        'Compress the host genome again and upload it whole.',
      );
}

/** What ends a `create_subtraction` job. */
export function createCreateSubtractionControl(deps: ActivityDeps) {
  const { store, data } = deps;
  const argsOf = (input: JobInput) => input.args as CreateSubtractionArgs;
  return {
    async finishCreateSubtraction(input) {
      const args = argsOf(input);
      await finishJob(deps, input, data.subtraction(args.subtraction_id), async (session) => {
        await store.files.release([args.file_id], input.jobId, session);
        return store.subtractions.publish(args.subtraction_id, session);
      });
    },

    async undoCreateSubtraction(input) {
      const args = argsOf(input);
      await undoJob(deps, input, async () => {
        const subtraction = await store.subtractions.get(args.subtraction_id);
        // Its folder goes before its document, so without one the folder may belong to a subtraction that was made since.
        if (subtraction?.job.id !== input.jobId || subtraction.ready) return;
        const isShared = sharesFolder(args.subtraction_id, await store.subtractions.names());
        if (!isShared) await removePath(data.subtraction(args.subtraction_id));
        await store.subtractions.removeUnready(args.subtraction_id, input.jobId);
      });
      await store.files.release([args.file_id], input.jobId);
    },
  } satisfies CreateSubtractionControl;
}
