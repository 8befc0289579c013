import { join } from 'node:path';
import { FastaReader, type FastaRecord, formatFastaRecord, sortTies } from '../../bio/contigs.js';
import { type OrfContig, orfContig, proteinFasta } from '../../bio/orf_contigs.js';
import type { NuvsArgs } from '../../contracts/nuvs.js';
import { fileSize, freshFolder } from '../../files/folders.js';
import { openTextWriter, readLineBatches } from '../../files/lines.js';
import { publishJson, removePath } from '../../files/publish.js';
import { explain } from '../../tools/classify.js';
import { assembleReads, type Correction, correctReads } from '../../tools/spades.js';
import { loadInputs, loadReads } from '../analysis_files/inputs.js';
import { NUVS_FILES } from '../analysis_files/nuvs.js';
import type { ActivityDeps } from '../deps.js';
import { createStep, type Step } from '../steps/step.js';

const KMERS = { usual: [21, 33, 55, 75], smallRna: [17, 21, 23] } as const;
const GIB = 1024 ** 3;

/** What the steps of the assembly ask the host for. */
export type Host = {
  /** Bytes of memory that a new process could have. */
  availableMemory(): number;
};

/** The steps of NuVs from the reads that are left to the ORFs of their contigs. */
export function createNuvsAssemblySteps(deps: ActivityDeps, host: Host = process) {
  const step = createStep(deps);
  return {
    assembleReads: step<NuvsArgs>(async (context) => {
      const { sample, folder } = await loadInputs(deps, context.args);
      const { paths, phredOffset } = await loadReads(folder);
      const names = paths.length === 2 ? NUVS_FILES.mates : [NUVS_FILES.unmappedHosts];
      const reads = names.map((name) => join(folder, name));
      const sizes = await Promise.all(reads.map(fileSize));
      const kmers = sample.srna === true ? KMERS.smallRna : KMERS.usual;
      const hasReads = sizes.every((size) => size);
      if (!hasReads) context.log.line('No reads are left to assemble');
      const scaffolds = hasReads ? await assemble({ deps, host, context, folder, reads, phredOffset, kmers }) : [];
      const fasta = openTextWriter(join(folder, NUVS_FILES.assembly), context.attempt);
      try {
        for (const scaffold of sortTies(scaffolds)) await fasta.write(formatFastaRecord(scaffold));
        await fasta.publish();
      } finally {
        await fasta.discard();
      }
    }),

    findContigOrfs: step<NuvsArgs>(async ({ args, signal, log, report, attempt }) => {
      const folder = deps.data.analysis(args.sample_id, args.analysis_id);
      const assembly = join(folder, NUVS_FILES.assembly);
      const size = (await fileSize(assembly)) || 1;
      const contigs: OrfContig[] = [];
      let count = 0;
      for await (const { records, bytes } of readFasta(assembly, signal)) {
        count += records.length;
        for (const { sequence } of records) {
          const contig = orfContig(contigs.length, sequence);
          if (contig) contigs.push(contig);
        }
        report(bytes / size);
      }
      const proteins = openTextWriter(join(folder, NUVS_FILES.proteins), attempt);
      try {
        for (const contig of contigs) await proteins.write(proteinFasta(contig));
        await proteins.publish();
      } finally {
        await proteins.discard();
      }
      await publishJson(join(folder, NUVS_FILES.contigs), contigs);
      log.line(`${count} scaffolds, ${contigs.length} of them with open reading frames`);
    }),
  };
}

type Attempt = {
  deps: ActivityDeps;
  host: Host;
  context: Step<NuvsArgs>;
  folder: string;
  reads: string[];
  phredOffset: 33 | 64;
  kmers: readonly number[];
};

/**
 * Assembles the reads. Reads that are too few for long k-mers, which SPAdes takes for a failure of all, are assembled with the shorter
 * ones.
 */
async function assemble(attempt: Attempt): Promise<FastaRecord[]> {
  const { context, folder, reads, phredOffset } = attempt;
  const { memoryGib, signal, log, report } = context;
  const work = join(folder, `assembly.${context.attempt}.partial`);
  try {
    let kmers = (await correctWithinMemory(attempt, { reads, phredOffset, folder: work })) ? attempt.kmers : [];
    if (kmers.length === 0) log.line('The reads are too few for an assembly');
    while (kmers.length > 0) {
      const end = await assembleReads({ folder: work, kmers, memoryGib }, { signal, log, onFraction: report });
      if (end.isAssembled) return await readScaffolds(work, context);
      const { failedAt } = end;
      kmers = kmers.filter((k) => failedAt !== undefined && k < failedAt);
      log.line(
        kmers.length > 0
          ? `The reads are too few for k-mers of ${failedAt} bases and more: assembling again with ${kmers.join(', ')}`
          : 'The reads are too few for an assembly',
      );
    }
    return [];
  } finally {
    await removePath(work);
  }
}

/**
 * Corrects the reads, which takes most of the memory; when that runs out, once more with half the threads, which need less and
 * correct the same.
 */
async function correctWithinMemory(
  { deps, host, context }: Attempt,
  input: Omit<Correction, 'threads' | 'memoryGib'>,
): Promise<boolean> {
  const { jobId, threads, memoryGib, signal, log } = context;
  const run = async (count: number) => {
    await freshFolder(input.folder);
    return correctReads({ ...input, threads: count, memoryGib }, { signal, log });
  };
  try {
    return await run(threads);
  } catch (error) {
    const half = Math.floor(threads / 2);
    const hasMemory = host.availableMemory() >= (memoryGib * GIB) / 2;
    if (explain(error)?.class !== 'out_of_memory' || half < 1 || !hasMemory) throw error;
    const text = `SPAdes ran out of memory with ${threads} threads; it is tried again with ${half}.`;
    log.line(text);
    await deps.store.jobs.addNote(jobId, { stage: 'assemble', text });
    return run(half);
  }
}

async function readScaffolds(folder: string, { signal, log }: Step<NuvsArgs>): Promise<FastaRecord[]> {
  let path = join(folder, 'scaffolds.fasta');
  if ((await fileSize(path)) === undefined) {
    // SPAdes leaves them out where it cannot tell how far mates are apart. A virus is in its contigs all the same.
    path = join(folder, 'contigs.fasta');
    if (!(await fileSize(path))) return [];
    log.line('SPAdes has made no scaffolds: its contigs are taken');
  }
  const scaffolds: FastaRecord[] = [];
  for await (const { records } of readFasta(path, signal)) scaffolds.push(...records);
  return scaffolds;
}

async function* readFasta(
  path: string,
  signal: AbortSignal,
): AsyncGenerator<{ records: FastaRecord[]; bytes: number }> {
  const reader = new FastaReader();
  let read = 0;
  for await (const { lines, bytes } of readLineBatches(path, signal)) {
    read = bytes;
    yield { records: lines.map((line) => reader.push(line)).filter((record) => record !== undefined), bytes };
  }
  const last = reader.end();
  if (last) yield { records: [last], bytes: read };
}
