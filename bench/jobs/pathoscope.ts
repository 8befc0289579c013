import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type BenchClient, jobDone } from '../client.js';
import type { BenchServer } from '../server.js';
import { type BareCommand, printSteps, readJob, runBare, skewerAlone } from './bare.js';
import { jobIn, type Prepared, prepareSample, startAnalysis } from './prepare.js';
import { writeReads } from './reads.js';
import { benchTrimming } from './trimming.js';

const READS = 1_000_000;

/** A whole Pathoscope job of a million reads beside the original's command lines, run bare one after another. */
export async function benchPathoscopeJob(client: BenchClient, server: BenchServer, prepared: Prepared): Promise<void> {
  const data = join(server.folder, 'data');
  const reads = join(server.folder, 'single.fq.gz');
  await writeReads([reads], READS);
  const sampleId = await prepareSample(client, 'Million', [reads]);
  const { jobId, folder } = await startAnalysis(client, data, {
    ...{ sampleId, referenceId: prepared.referenceId },
    algorithm: 'pathoscope_bowtie',
  });
  const work = join(server.folder, 'bare');
  await mkdir(join(work, 'fastqc'), { recursive: true });
  // The last step of the job removes it, and the bare run needs it.
  await jobIn(client, jobId, 'map_isolates');
  await copyFile(join(folder, 'isolate_index.fa'), join(work, 'isolate_index.fa'));
  await jobDone(client, jobId);
  const job = await readJob(client, jobId);
  const raw = join(data, 'samples', sampleId, 'reads_1.fq.gz');
  const bare = runBare(commands(raw, work, prepared, job.proc));
  printSteps(`Pathoscope job, ${READS} single reads, ${job.proc} cores`, job, bare, 0.75);
  await benchTrimming(reads, READS, server.folder);
}

type Prefixes = { referencePrefix: string; hostPrefix: string };

function commands(raw: string, work: string, { referencePrefix, hostPrefix }: Prefixes, proc: number): BareCommand[] {
  const threads = String(proc);
  const fewer = String(Math.max(1, proc - 1));
  const trimmed = join(work, 'reads-trimmed.fastq.gz');
  const [fasta, isolates, mapped] = ['isolate_index.fa', 'isolates', 'mapped.fastq'].map((name) =>
    join(work, name),
  ) as [string, string, string];
  const sensitive = '--local --score-min L,20,1.0 -N 0 -L 15'.split(' ');
  const isolateFlags = ['--no-unal', ...sensitive, '-k', '100', '--al', mapped];
  return [
    { stage: 'prepare_reads', argv: skewerAlone([raw], join(work, 'reads'), proc) },
    { stage: 'prepare_qc', argv: fastqc([trimmed], join(work, 'fastqc'), threads) },
    {
      stage: 'map_default_isolates',
      argv: ['bowtie2', '-p', threads, '--no-unal', ...sensitive, '-x', referencePrefix, '-U', trimmed],
    },
    { stage: 'build_isolate_index', argv: ['bowtie2-build', '--threads', threads, fasta, isolates] },
    { stage: 'map_isolates', argv: ['bowtie2', '-p', fewer, ...isolateFlags, '-x', isolates, '-U', trimmed] },
    {
      stage: 'map_subtraction',
      argv: ['bowtie2', '--local', '-N', '0', '-p', fewer, '-x', hostPrefix, '-U', mapped],
    },
  ];
}

/** Quality report as the original server asked for it. */
export function fastqc(reads: readonly string[], to: string, threads: string): string[] {
  return ['fastqc', '-f', 'fastq', '-o', to, '-t', threads, '--extract', ...reads];
}
