import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type BenchClient, jobDone } from './client.js';
import { printTable, quantile, seconds } from './table.js';

const SAMPLES = 30;
const SUBTRACTIONS = 20;
const PAUSE_MS = 1_000;
const HOST = `>host\n${'ACGTTGCATGCA'.repeat(100)}\n`;
const READS = `@read\n${'ACGT'.repeat(25)}\n+\n${'I'.repeat(100)}\n`.repeat(20);

type Made = { job: { id: string } };

/** Many requests and many jobs at once: how long a POST takes among others, and what twenty tiny jobs take beside their tools. */
export async function benchBurst(client: BenchClient, folder: string): Promise<void> {
  await benchSubtractions(client, folder);
  await benchSamples(client);
}

async function benchSubtractions(client: BenchClient, folder: string): Promise<void> {
  const fasta = join(folder, 'burst.fa');
  writeFileSync(fasta, HOST);
  const files = await uploadAll(client, 'subtraction', HOST, SUBTRACTIONS);
  await sleep(PAUSE_MS);
  const startedAt = performance.now();
  const made = await Promise.all(
    files.map((file_id, i) =>
      client.send<Made>('POST', '/api/subtractions', { subtraction_id: `Burst ${i}`, file_id }),
    ),
  );
  await Promise.all(made.map(({ job }) => jobDone(client, job.id)));
  const jobs = (performance.now() - startedAt) / 1000;
  const bareAt = performance.now();
  for (let i = 0; i < SUBTRACTIONS; i += 1) {
    await promisify(execFile)('bowtie2-build', ['-f', fasta, join(folder, 'burst')]);
    await promisify(execFile)('pigz', ['-c', fasta]);
  }
  const bare = (performance.now() - bareAt) / 1000;
  printTable(
    `${SUBTRACTIONS} tiny subtractions at once, beside their commands one after the other (seconds)`,
    ['what', 'seconds', 'ratio', 'goal'],
    [
      ['bare commands', seconds(bare), '1.00', ''],
      ['jobs', seconds(jobs), seconds(jobs / bare), '≤ 1.5'],
    ],
  );
}

async function benchSamples(client: BenchClient): Promise<void> {
  const files = await uploadAll(client, 'reads', READS, SAMPLES);
  await sleep(PAUSE_MS);
  const post = async (file: string, name: string) => {
    const posted = performance.now();
    await client.send('POST', '/api/samples', { name, subtraction: 'Burst 0', files: [file] });
    return performance.now() - posted;
  };
  const alone = await post(files[0] as string, 'Alone');
  await sleep(PAUSE_MS);
  const times = await Promise.all(files.slice(1).map((file, i) => post(file, `Burst ${i}`)));
  printTable(
    `${times.length} POSTs of samples at once, each to its answer (ms)`,
    ['what', 'p50', 'p95', 'max', 'goal'],
    [
      ['alone', alone.toFixed(0), '', '', ''],
      ['at once', ...[0.5, 0.95, 1].map((share) => quantile(times, share).toFixed(0)), 'p95 ≤ 200'],
    ],
  );
}

async function uploadAll(client: BenchClient, type: string, text: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i += 1) ids.push(await client.upload(type, new Blob([text]), `${type}_${i}`));
  return ids;
}
