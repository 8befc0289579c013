import { copyFile, mkdir, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type BenchClient, jobDone, signIn } from '../client.js';
import { startServer } from '../server.js';
import { type BareCommand, printSteps, readJob, runBare, skewerAlone } from './bare.js';
import { fastqc } from './pathoscope.js';
import { jobIn, prepareReferences, prepareSample, processDone, startAnalysis } from './prepare.js';
import { writeReads } from './reads.js';
import { serveHmmRelease } from './releases.js';

const PAIRS = 100_000;

/**
 * A whole NuVs job beside the original's command lines, on a server with HMM data of its own: of the pairs in the given files, or of a hundred
 * thousand made-up ones.
 */
export async function benchNuvsJob(pairs?: readonly string[]): Promise<void> {
  const releases = await serveHmmRelease();
  const server = await startServer([`--github-url=${releases.url}`]);
  try {
    const client = await signIn(server.url);
    await measure(client, server.folder, pairs);
    client.close();
  } finally {
    await server.stop();
    await releases.stop();
  }
}

async function measure(client: BenchClient, folder: string, pairs?: readonly string[]): Promise<void> {
  const data = join(folder, 'data');
  await client.send('GET', '/api/hmms/status/release');
  await client.send('POST', '/api/hmms/status/updates');
  const { installing } = await client.send<{ installing: unknown }>('GET', '/api/hmms/status');
  if (installing !== false) {
    const { process } = await client.send<{ process: { id: string } }>('GET', '/api/hmms/status');
    await processDone(client, process.id);
  }
  const reads = pairs ?? [1, 2].map((n) => join(folder, `pair_${n}.fq.gz`));
  if (!pairs) await writeReads(reads, PAIRS);
  const prepared = await prepareReferences(client, data);
  const sampleId = await prepareSample(client, 'Pairs', reads);
  const { jobId, folder: analysis } = await startAnalysis(client, data, {
    ...{ sampleId, referenceId: prepared.referenceId },
    algorithm: 'nuvs',
  });
  const work = join(folder, 'bare');
  await mkdir(join(work, 'fastqc'), { recursive: true });
  // The last step of the job removes them, and the bare run needs them.
  await jobIn(client, jobId, 'assemble');
  for (const n of [1, 2]) await copyFile(join(analysis, `unmapped_${n}.fq`), join(work, `unmapped_${n}.fq`));
  await jobDone(client, jobId);
  await copyFile(join(analysis, 'orfs.fa'), join(work, 'orfs.fa'));
  await copyFile(join(await realpath(join(data, 'hmm')), 'profiles.hmm'), join(work, 'profiles.hmm'));
  const job = await readJob(client, jobId);
  const raw = [1, 2].map((n) => join(data, 'samples', sampleId, `reads_${n}.fq.gz`));
  const bare = runBare(commands(raw, work, prepared, job));
  const what = pairs ? pairs.map((path) => basename(path)).join(' and ') : `${PAIRS} pairs`;
  printSteps(`NuVs job, ${what}, ${job.proc} cores`, job, bare, 1.03);
}

type Prefixes = { referencePrefix: string; hostPrefix: string };
type Limits = { proc: number; mem: number };

function commands(
  raw: readonly string[],
  work: string,
  { referencePrefix, hostPrefix }: Prefixes,
  { proc, mem }: Limits,
): BareCommand[] {
  const at = (name: string) => join(work, name);
  const threads = String(proc);
  const fewer = String(Math.max(1, proc - 1));
  const trimmed = [1, 2].map((n) => at(`reads-trimmed-pair${n}.fastq.gz`));
  const unmapped = [at('unmapped_otus.fq'), at('unmapped_hosts.fq')] as const;
  const fast = ['--very-fast-local', '-k', '1', '-p', threads];
  const assembly = ['-1', at('unmapped_1.fq'), '-2', at('unmapped_2.fq'), '-o', at('spades'), '-k', '21,33,55,75'];
  return [
    { stage: 'prepare_reads', argv: skewerAlone(raw, at('reads'), proc) },
    { stage: 'prepare_qc', argv: fastqc(trimmed, at('fastqc'), threads) },
    {
      stage: 'eliminate_otus',
      argv: ['bowtie2', ...fast, '-x', referencePrefix, '--un', unmapped[0], '-U', trimmed.join(',')],
    },
    {
      stage: 'eliminate_subtraction',
      argv: ['bowtie2', ...fast, '-x', hostPrefix, '--un', unmapped[1], '-U', unmapped[0]],
    },
    { stage: 'assemble', argv: ['spades.py', '-t', fewer, '-m', String(mem), ...assembly] },
    { stage: 'prepare_hmm', argv: ['hmmpress', at('profiles.hmm')] },
    {
      stage: 'vfam',
      argv: ['hmmscan', '--tblout', at('hmm.tsv'), '--noali', '--cpu', fewer, at('profiles.hmm'), at('orfs.fa')],
    },
  ];
}
