import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Subtraction } from '../bio/pathoscope/subtraction.js';
import { createCandidateReferences, isAccepted, parseSamLine } from '../bio/sam.js';
import { formatVtaLine } from '../bio/vta.js';
import type { PathoscopeArgs } from '../contracts/pathoscope.js';
import { fileSize, freshFolder } from '../files/folders.js';
import { openTextWriter, readLineBatches } from '../files/lines.js';
import { publishFile, publishFiles, publishJson, removePath } from '../files/publish.js';
import * as bowtie2 from '../tools/bowtie2.js';
import { bowtie2BuildProgress } from '../tools/progress.js';
import { eachLine, readLines, runTool } from '../tools/runner.js';
import { loadInputs, loadReads } from './analysis_inputs.js';
import type { ActivityDeps } from './deps.js';
import { InvalidInput } from './errors.js';
import { createStep, type Step } from './step.js';

/** Files that the mapping steps leave in the analysis' folder. */
export const MAPPING_FILES = {
  candidates: 'default_isolates.json',
  isolateFasta: 'isolate_index.fa',
  isolates: 'isolates.json',
  vta: 'to_isolates.vta',
  mapped: 'mapped.fastq',
  hostScores: 'host_scores.tsv',
  subtracted: 'subtracted.vta',
  subtraction: 'subtraction.json',
} as const;

/** Length in bases, OTU and OTU version of each isolate sequence, by its id. */
export type IsolateSequences = Record<string, { length: number; otu: { id: string; version: number } }>;

/** The steps of Pathoscope from the first mapping to the subtraction of the host. */
export function createMappingSteps(deps: ActivityDeps) {
  const { data } = deps;
  const step = createStep(deps);
  const file = (args: PathoscopeArgs, name: keyof typeof MAPPING_FILES) =>
    join(data.analysis(args.sample_id, args.analysis_id), MAPPING_FILES[name]);

  return {
    mapDefaultIsolates: step<PathoscopeArgs>(async ({ args, threads, signal, log, report }) => {
      const { folder, referencePrefix } = await loadInputs(deps, args);
      const { paths } = await loadReads(folder);
      const candidates = createCandidateReferences();
      await runTool(bowtie2.mapDefaultIsolates({ index: referencePrefix, reads: paths, threads }), {
        signal,
        log,
        inputs: { paths, onFraction: report },
        stdout: eachLine((line) => candidates.addSamLine(line)),
      });
      await publishJson(file(args, 'candidates'), candidates.sorted());
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

    mapIsolates: step<PathoscopeArgs>(async ({ args, threads, signal, log, report, attempt }) => {
      const vta = openTextWriter(file(args, 'vta'), attempt);
      const mapped = `${file(args, 'mapped')}.${attempt}.partial`;
      try {
        if (await fileSize(file(args, 'isolateFasta'))) {
          const folder = data.analysis(args.sample_id, args.analysis_id);
          const { paths } = await loadReads(folder);
          const index = join(folder, 'isolates');
          await runTool(bowtie2.mapIsolates({ index, reads: paths, threads, mappedReads: mapped }), {
            signal,
            log,
            inputs: { paths, onFraction: report },
            stdout: readLines(async (batches) => {
              for await (const lines of batches) await vta.write(toVta(lines));
            }, 'latin1'),
          });
        } else {
          await writeFile(mapped, '');
        }
        await vta.publish();
        await publishFile(mapped, file(args, 'mapped'));
      } finally {
        await vta.discard();
      }
    }),

    mapSubtraction: step<PathoscopeArgs>(async ({ args, threads, signal, log, report, attempt }) => {
      const scores = openTextWriter(file(args, 'hostScores'), attempt);
      const mapped = file(args, 'mapped');
      try {
        if (await fileSize(mapped)) {
          const { subtractionPrefix } = await loadInputs(deps, args);
          await runTool(bowtie2.mapSubtraction({ index: subtractionPrefix, reads: [mapped], threads }), {
            signal,
            log,
            inputs: { paths: [mapped], onFraction: report },
            stdout: readLines(async (batches) => {
              for await (const lines of batches) await scores.write(toScores(lines));
            }, 'latin1'),
          });
        }
        await scores.publish();
      } finally {
        await scores.discard();
      }
    }),

    subtractMapping: step<PathoscopeArgs>((context) => subtractHost(context, file)),
  };
}

type FileOf = (args: PathoscopeArgs, name: keyof typeof MAPPING_FILES) => string;

async function writeIsolates(deps: ActivityDeps, { args, report, attempt }: Step<PathoscopeArgs>, file: FileOf) {
  const { index } = await loadInputs(deps, args);
  const candidates = JSON.parse(await readFile(file(args, 'candidates'), 'utf8')) as string[];
  const otuIds = otusOf(candidates, index.sequence_otu_map);
  const isolates: IsolateSequences = {};
  const fasta = openTextWriter(file(args, 'isolateFasta'), attempt);
  try {
    for (const [done, otuId] of otuIds.entries()) {
      const version = index.manifest[otuId] as number;
      const otu = await deps.store.otuVersions.getOtuAtVersion(otuId, version);
      if (!otu) throw new InvalidInput(`OTU ${otuId} has no version ${version} any more.`, 'Build the index again.');
      for (const sequence of otu.isolates.flatMap((isolate) => isolate.sequences)) {
        await fasta.write(`>${sequence._id}\n${sequence.sequence}\n`);
        isolates[sequence._id] = { length: sequence.sequence.length, otu: { id: otuId, version } };
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
function otusOf(sequenceIds: readonly string[], otuBySequence: Record<string, string> | undefined): string[] {
  if (!otuBySequence) throw new InvalidInput('The index has no map of its sequences.', 'Build the index again.');
  return [...new Set(sequenceIds.map((id) => otuBySequence[id]).filter((id) => id !== undefined))].sort();
}

async function subtractHost({ args, signal, report, attempt }: Step<PathoscopeArgs>, file: FileOf): Promise<void> {
  const subtraction = new Subtraction();
  for await (const { lines } of readLineBatches(file(args, 'hostScores'), signal)) {
    for (const line of lines) {
      const tab = line.lastIndexOf('\t');
      subtraction.addHostScore(line.slice(0, tab), Number(line.slice(tab + 1)));
    }
  }
  const vta = file(args, 'vta');
  const size = (await fileSize(vta)) || 1;
  for await (const { lines, bytes } of readLineBatches(vta, signal)) {
    for (const line of lines) subtraction.addVtaLine(line);
    report((bytes / size) * 0.5);
  }
  const { kept, subtractedCount } = subtraction.result();
  const output = openTextWriter(file(args, 'subtracted'), attempt);
  try {
    let number = 0;
    for await (const { lines } of readLineBatches(vta, signal)) {
      const passed = lines.filter(() => kept[number++] === 1);
      if (passed.length > 0) await output.write(`${passed.join('\n')}\n`);
    }
    await output.publish();
  } finally {
    await output.discard();
  }
  await publishJson(file(args, 'subtraction'), { subtracted_count: subtractedCount });
}

function toVta(samLines: readonly string[]): string {
  let text = '';
  for (const line of samLines) {
    const alignment = parseSamLine(line);
    if (alignment && isAccepted(alignment)) text += formatVtaLine(alignment);
  }
  return text;
}

function toScores(samLines: readonly string[]): string {
  let text = '';
  for (const line of samLines) {
    const alignment = parseSamLine(line);
    if (alignment) text += `${alignment.read}\t${alignment.score}\n`;
  }
  return text;
}
