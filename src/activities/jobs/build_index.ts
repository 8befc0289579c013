import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildIndexArgs, BuildIndexControl, BuildIndexSteps } from '../../contracts/build_index.js';
import type { JobInput } from '../../contracts/jobs.js';
import { fileSize, freshFolder } from '../../files/folders.js';
import { removeFormerIndexes } from '../../files/index_files.js';
import { openTextWriter } from '../../files/lines.js';
import { publishFiles, removePartials, removePath } from '../../files/publish.js';
import { writtenBases } from '../../store/otus/bases.js';
import { buildIndex } from '../../tools/bowtie2.js';
import { bowtie2BuildProgress } from '../../tools/progress.js';
import { eachLine, runTool } from '../../tools/runner.js';
import type { ActivityDeps } from '../deps.js';
import { finishJob, undoJob } from '../ends.js';
import { InvalidInput } from '../errors.js';
import { createStep, type Step } from '../steps/step.js';

/** Steps of `build_index`. */
export function createBuildIndexSteps(deps: ActivityDeps) {
  const { data } = deps;
  const step = createStep(deps);
  const folderOf = (args: BuildIndexArgs) => data.index(args.ref_id, args.index_id);

  return {
    makeIndexDir: step<BuildIndexArgs>(async ({ args }) => {
      await mkdir(folderOf(args), { recursive: true });
    }),

    writeIndexFasta: step<BuildIndexArgs>((context) =>
      writeFasta(deps, context, join(folderOf(context.args), 'ref.fa')),
    ),

    buildReferenceIndex: step<BuildIndexArgs>(async ({ args, threads, signal, log, report, attempt }) => {
      const folder = folderOf(args);
      const build = await freshFolder(join(folder, `index.${attempt}.partial`));
      const progress = bowtie2BuildProgress();
      await runTool(buildIndex({ fasta: join(folder, 'ref.fa'), prefix: join(build, 'reference'), threads }), {
        signal,
        log,
        stdout: eachLine((line) => report(progress(line) ?? 0)),
      });
      await publishFiles(build, folder);
      await removePath(build);
    }),

    // The index goes live with the end of the job; here only is seen that it is whole.
    replaceOldIndex: step<BuildIndexArgs>(async ({ args }) => {
      const prefix = join(folderOf(args), 'reference');
      const sizes = await Promise.all(['bt2', 'bt2l'].map((ending) => fileSize(`${prefix}.rev.2.${ending}`)));
      if (!sizes.some(Boolean)) throw new Error('The index files are not there');
      await removePartials(folderOf(args));
    }),
  } satisfies BuildIndexSteps;
}

/** What ends a `build_index` job. */
export function createBuildIndexControl(deps: ActivityDeps) {
  const { store, data, log } = deps;
  const argsOf = (input: JobInput) => input.args as BuildIndexArgs;
  return {
    async finishBuildIndex(input) {
      const args = argsOf(input);
      await finishJob(deps, input, data.index(args.ref_id, args.index_id), (session) =>
        store.indexBuilds.publish(args.index_id, session),
      );
    },

    async removeOldIndexes(input) {
      const { ref_id: referenceId } = argsOf(input);
      try {
        const names = await readdir(data.reference(referenceId));
        const active = await store.indexBuilds.activeIndexIds(referenceId);
        const withManifest = await store.indexBuilds.idsWithManifestFile(referenceId);
        const former = names.filter((name) => !active.includes(name));
        await removeFormerIndexes(data, referenceId, { former, withManifest });
      } catch (err) {
        log.warn({ err, referenceId }, 'files of former indexes were not removed');
      }
    },

    async undoBuildIndex(input) {
      const args = argsOf(input);
      await undoJob(deps, input, async () => {
        if ((await store.indexBuilds.get(args.index_id))?.ready) return;
        await store.indexBuilds.discard(args.index_id);
        await removePath(data.index(args.ref_id, args.index_id));
      });
    },
  } satisfies BuildIndexControl;
}

async function writeFasta(
  deps: ActivityDeps,
  { args, report, attempt }: Step<BuildIndexArgs>,
  path: string,
): Promise<void> {
  const index = await deps.store.indexBuilds.get(args.index_id);
  if (!index) throw new Error(`There is no index ${args.index_id}`);
  const total = Object.keys(await deps.store.indexBuilds.manifestOf(index)).length || 1;
  const otuBySequence: Record<string, string> = {};
  const fasta = openTextWriter(path, attempt);
  let done = 0;
  try {
    for await (const otu of deps.store.indexBuilds.otusOfManifest(args.index_id)) {
      const main = otu.isolates.find((isolate) => isolate.default);
      if (!main) {
        throw new InvalidInput(
          `The OTU ${otu.name} has no default isolate.`,
          'Choose a default isolate, then build again.',
        );
      }
      for (const { _id } of otu.isolates.flatMap((isolate) => isolate.sequences)) otuBySequence[_id] = otu._id;
      for (const sequence of main.sequences)
        await fasta.write(`>${sequence._id}\n${writtenBases(sequence.sequence)}\n`);
      done += 1;
      report(done / total);
    }
    await fasta.publish();
  } finally {
    await fasta.discard();
  }
  await deps.store.indexBuilds.setSequenceOtuMap(args.index_id, otuBySequence);
}
