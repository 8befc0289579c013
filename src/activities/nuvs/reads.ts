import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type FastqRecord, formatFastqRecord, readName } from '../../bio/fastq_records.js';
import { NameTable } from '../../bio/pathoscope/name_table.js';
import type { NuvsArgs } from '../../contracts/nuvs.js';
import { fileSize } from '../../files/folders.js';
import { openTextWriter } from '../../files/lines.js';
import { publishFile } from '../../files/publish.js';
import * as bowtie2 from '../../tools/bowtie2.js';
import type { ToolCommand } from '../../tools/command.js';
import { runTool } from '../../tools/runner.js';
import { loadInputs, loadReads } from '../analysis_files/inputs.js';
import { NUVS_FILES } from '../analysis_files/nuvs.js';
import type { ActivityDeps } from '../deps.js';
import { InvalidInput } from '../errors.js';
import { readRecords } from '../reads/records.js';
import { createStep, type Step } from '../steps/step.js';

/** The steps of NuVs that leave the reads which neither reference nor host explains. */
export function createNuvsReadSteps(deps: ActivityDeps) {
  const step = createStep(deps);
  return {
    eliminateOtus: step<NuvsArgs>(async (context) => {
      const { folder, referencePrefix } = await loadInputs(deps, context.args);
      const { paths, phredOffset } = await loadReads(folder);
      await eliminate(context, bowtie2.eliminateOtus, {
        index: referencePrefix,
        reads: paths,
        phredOffset,
        to: join(folder, NUVS_FILES.unmappedOtus),
      });
    }),

    eliminateSubtraction: step<NuvsArgs>(async (context) => {
      const { folder, subtractionPrefix } = await loadInputs(deps, context.args);
      const { phredOffset } = await loadReads(folder);
      await eliminate(context, bowtie2.eliminateSubtraction, {
        index: subtractionPrefix,
        reads: [join(folder, NUVS_FILES.unmappedOtus)],
        phredOffset,
        to: join(folder, NUVS_FILES.unmappedHosts),
      });
    }),

    reunitePairs: step<NuvsArgs>(async (context) => {
      const { folder } = await loadInputs(deps, context.args);
      const { paths } = await loadReads(folder);
      if (paths.length === 2) await reunite(context, paths as [string, string], folder);
    }),
  };
}

async function eliminate(
  { threads, signal, log, report, attempt }: Step<NuvsArgs>,
  command: (input: bowtie2.Elimination) => ToolCommand,
  { index, reads, phredOffset, to }: { index: string; reads: string[]; phredOffset: 33 | 64; to: string },
): Promise<void> {
  const partial = `${to}.${attempt}.partial`;
  await writeFile(partial, '');
  const sizes = await Promise.all(reads.map(fileSize));
  if (sizes.some((size) => size)) {
    const inputs = { paths: reads, onFraction: report };
    await runTool(command({ index, reads, phredOffset, threads, unmappedReads: partial }), { signal, log, inputs });
  }
  await publishFile(partial, to);
}

/** Writes the pairs of which at least one mate is left, in the order of the trimmed reads. */
async function reunite(
  { signal, log, report, attempt }: Step<NuvsArgs>,
  paths: [string, string],
  folder: string,
): Promise<void> {
  const left = new NameTable();
  for await (const { records } of readRecords(join(folder, NUVS_FILES.unmappedHosts), signal)) {
    for (const { header } of records) left.add(readName(header));
  }
  const size = (await fileSize(paths[0])) || 1;
  const writers = NUVS_FILES.mates.map((name) => openTextWriter(join(folder, name), attempt));
  let count = 0;
  try {
    for await (const { mates, bytes } of readPairs(paths, signal)) {
      const kept = mates.filter((pair) => pair.some(({ header }) => left.has(readName(header))));
      count += kept.length;
      for (const [i, writer] of writers.entries()) {
        const text = kept.map((pair) => formatFastqRecord(pair[i] as FastqRecord)).join('');
        if (text) await writer.write(text);
      }
      report(bytes / size);
    }
    for (const writer of writers) await writer.publish();
  } finally {
    for (const writer of writers) await writer.discard();
  }
  log.line(`${count} pairs left for the assembly`);
}

type Pair = [FastqRecord, FastqRecord];

async function* readPairs(
  [first, second]: [string, string],
  signal: AbortSignal,
): AsyncGenerator<{ mates: Pair[]; bytes: number }> {
  const others = readRecords(second, signal);
  let waiting: FastqRecord[] = [];
  const unequal = () =>
    new InvalidInput('The two files of trimmed reads do not hold the same number of reads.', 'Upload the reads again.');
  try {
    for await (const { records, bytes } of readRecords(first, signal)) {
      while (waiting.length < records.length) {
        const next = await others.next();
        if (next.done) throw unequal();
        waiting = waiting.concat(next.value.records);
      }
      const mates = records.map((record, i): Pair => [record, waiting[i] as FastqRecord]);
      waiting = waiting.slice(records.length);
      yield { mates, bytes };
    }
    if (waiting.length > 0) throw unequal();
    for await (const { records } of others) if (records.length > 0) throw unequal();
  } finally {
    await others.return(undefined);
  }
}
