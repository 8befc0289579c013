import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PathoscopeArgs } from '../../contracts/pathoscope.js';
import { fileSize, freshFolder } from '../../files/folders.js';
import { openTextWriter } from '../../files/lines.js';
import { openPartials, publishFiles, publishJson, removePath } from '../../files/publish.js';
import { writtenBases } from '../../store/otus/bases.js';
import * as bowtie2 from '../../tools/bowtie2.js';
import { readDescriptor } from '../../tools/named_pipes.js';
import { bowtie2BuildProgress } from '../../tools/progress.js';
import { eachLine, runTool } from '../../tools/runner.js';
import { loadInputs, loadReads } from '../analysis_files/inputs.js';
import { MAPPING_FILES, type MappingFile } from '../analysis_files/pathoscope.js';
import type { ActivityDeps } from '../deps.js';
import { InvalidInput } from '../errors.js';
import { createStep, type Step } from '../steps/step.js';
import { runCore } from './core/run.js';
import type { IsolateSequences } from './core/work.js';
import { sequenceOtuMap } from './sequence_map.js';

/** The steps of Pathoscope from the first mapping to the subtraction of the host. */
export function createMappingSteps(deps: ActivityDeps) {
  const { data } = deps;
  const step = createStep(deps);
  const file: FileOf = (args, name) => join(data.analysis(args.sample_id, args.analysis_id), MAPPING_FILES[name]);
  const partialFiles = <Name extends MappingFile>(args: PathoscopeArgs, attempt: string, names: readonly Name[]) =>
    openPartials(
      names.map((name) => [name, file(args, name)] as const),
      attempt,
    );
  const pipe = ({ sample_id, analysis_id }: PathoscopeArgs, attempt: string) =>
    join(data.analysis(sample_id, analysis_id), `aligned.${attempt}.partial`);

  return {
    mapDefaultIsolates: step<PathoscopeArgs>(async ({ args, threads, memoryGib, signal, log, report, attempt }) => {
      const { folder, referencePrefix } = await loadInputs(deps, args);
      const { paths, phredOffset } = await loadReads(folder);
      const mapping = { index: referencePrefix, reads: paths, phredOffset, threads };
      const { output } = await runTool(bowtie2.mapDefaultIsolates(mapping), {
        signal,
        log,
        inputs: { paths, onFraction: report },
        stdout: readDescriptor(pipe(args, attempt), (input) =>
          runCore({ task: 'find_candidates' }, { signal, memoryGib, input }),
        ),
      });
      await publishJson(file(args, 'candidates'), output);
    }),

    generateIsolateFasta: step<PathoscopeArgs>((context) => writeIsolates(deps, context, file)),

    buildIsolateIndex: step<PathoscopeArgs>(async ({ args, threads, signal, log, report, attempt }) => {
      const fasta = file(args, 'isolateFasta');
      // No candidate, no index: the sample holds no known virus, and the next steps find empty files.
      if (!(await fileSize(fasta))) return;
      const folder = data.analysis(args.sample_id, args.analysis_id);
      const build = await freshFolder(join(folder, `isolates.${attempt}.partial`));
      const progress = bowtie2BuildProgress();
      await runTool(bowtie2.buildIndex({ fasta, prefix: join(build, 'isolates'), threads }), {
        signal,
        log,
        stdout: eachLine((line) => report(progress(line) ?? 0)),
      });
      await publishFiles(build, folder);
      await removePath(build);
    }),

    mapIsolates: step<PathoscopeArgs>(async ({ args, threads, memoryGib, signal, log, report, attempt }) => {
      const files = partialFiles(args, attempt, ['vta', 'records', 'summary', 'readNames', 'mapped']);
      const { vta, records, summary, readNames, mapped } = files.partial;
      const task = { task: 'map_isolates', vta, readNames, table: { records, summary } } as const;
      if (await fileSize(file(args, 'isolateFasta'))) {
        const folder = data.analysis(args.sample_id, args.analysis_id);
        const { paths, phredOffset } = await loadReads(folder);
        const index = join(folder, 'isolates');
        await runTool(bowtie2.mapIsolates({ index, reads: paths, phredOffset, threads, mappedReads: mapped }), {
          signal,
          log,
          inputs: { paths, onFraction: report },
          stdout: readDescriptor(pipe(args, attempt), (input) => runCore(task, { signal, memoryGib, input })),
        });
      } else {
        await writeFile(mapped, '');
        await runCore(task, { signal, memoryGib });
      }
      await files.publish();
    }),

    mapSubtraction: step<PathoscopeArgs>(async ({ args, threads, memoryGib, signal, log, report, attempt }) => {
      const files = partialFiles(args, attempt, ['hostScores']);
      const { hostScores } = files.partial;
      const task = { task: 'map_host', readNames: file(args, 'readNames'), hostScores } as const;
      const mapped = file(args, 'mapped');
      if (await fileSize(mapped)) {
        const { folder, subtractionPrefix } = await loadInputs(deps, args);
        const { phredOffset } = await loadReads(folder);
        await runTool(bowtie2.mapSubtraction({ index: subtractionPrefix, reads: [mapped], phredOffset, threads }), {
          signal,
          log,
          inputs: { paths: [mapped], onFraction: report },
          stdout: readDescriptor(pipe(args, attempt), (input) => runCore(task, { signal, memoryGib, input })),
        });
      } else {
        await runCore(task, { signal, memoryGib });
      }
      await files.publish();
    }),

    subtractMapping: step<PathoscopeArgs>(async ({ args, memoryGib, signal, report, attempt }) => {
      const files = partialFiles(args, attempt, ['leftVta', 'leftRecords', 'leftSummary']);
      const { leftVta, leftRecords, leftSummary } = files.partial;
      const table = { records: file(args, 'records'), summary: file(args, 'summary') };
      const left = { records: leftRecords, summary: leftSummary };
      const input = { vta: file(args, 'vta'), table, hostScores: file(args, 'hostScores') };
      const { subtractedCount } = await runCore(
        { task: 'subtract', ...input, left, leftVta },
        { signal, memoryGib, report },
      );
      await files.publish();
      await publishJson(file(args, 'subtraction'), { subtracted_count: subtractedCount });
    }),
  };
}

type FileOf = (args: PathoscopeArgs, name: MappingFile) => string;

async function writeIsolates(deps: ActivityDeps, context: Step<PathoscopeArgs>, file: FileOf) {
  const { args, report, attempt } = context;
  const { index } = await loadInputs(deps, args);
  const candidates = JSON.parse(await readFile(file(args, 'candidates'), 'utf8')) as string[];
  const otuIds = otusOf(candidates, await sequenceOtuMap(deps, context, index));
  const manifest = await deps.store.indexBuilds.manifestOf(index);
  const isolates: IsolateSequences = {};
  const fasta = openTextWriter(file(args, 'isolateFasta'), attempt);
  try {
    for (const [done, otuId] of otuIds.entries()) {
      const version = manifest[otuId] as number;
      const otu = await deps.store.otuVersions.getOtuAtVersion(otuId, version);
      if (!otu) throw new InvalidInput(`OTU ${otuId} has no version ${version} any more.`, 'Build the index again.');
      for (const sequence of otu.isolates.flatMap((isolate) => isolate.sequences)) {
        await fasta.write(`>${sequence._id}\n${writtenBases(sequence.sequence)}\n`);
        const source = sequence.remote?.id ?? sequence._id;
        isolates[sequence._id] = { length: sequence.sequence.length, otu: { id: otuId, version }, source };
      }
      report(done / otuIds.length);
    }
    await fasta.publish();
  } finally {
    await fasta.discard();
  }
  await publishJson(file(args, 'isolates'), isolates);
}

// Sorted, so that the same candidates give the same FASTA.
function otusOf(sequenceIds: readonly string[], otuBySequence: Record<string, string>): string[] {
  return [...new Set(sequenceIds.map((id) => otuBySequence[id]).filter((id) => id !== undefined))].sort();
}
