import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { trimReads } from '../../src/activities/reads/trim.js';
import { trimmingParameters } from '../../src/bio/trimming.js';
import type { JobLog } from '../../src/files/job_log.js';
import { printTable, seconds } from '../table.js';
import { childrenCpu, type Spent, skewerAlone, spend } from './bare.js';

const NO_LOG: JobLog = { stage() {}, command() {}, line() {}, async flush() {} };

/** Trimming as a job does it, the counting for the quality statistics included, beside `skewer -z`. */
export async function benchTrimming(reads: string, count: number, folder: string): Promise<void> {
  const rows: string[][] = [];
  for (const threads of new Set([1, availableParallelism()])) {
    const to = join(folder, `trim-${threads}`);
    await mkdir(to, { recursive: true });
    const alone = spend(skewerAlone([reads], join(to, 'alone'), threads));
    const ours = await spendTrimming(reads, count, to, threads);
    const [theirs, own] = await Promise.all(
      ['alone-trimmed.fastq.gz', 'reads_1.fq.gz'].map((name) => digest(join(to, name))),
    );
    const isSame = theirs === own;
    if (!isSame) process.exitCode = 1;
    const ratio = (ours.cpu / alone.cpu).toFixed(2);
    rows.push(...row(`skewer -z -t ${threads}`, alone), ...row(`job with ${threads}`, ours, ratio, isSame));
  }
  const heads = ['trimming', 'seconds', 'CPU', 'CPU ratio', 'goal', 'same records, same order'];
  printTable(`Trimming of ${count} reads`, heads, rows);
}

function row(what: string, { wall, cpu }: Spent, ratio = '', isSame?: boolean): string[][] {
  const same = isSame === undefined ? '' : isSame ? 'yes' : 'NO';
  return [[what, seconds(wall), seconds(cpu), ratio, ratio && '≤ 0.25', same]];
}

async function spendTrimming(reads: string, count: number, folder: string, threads: number): Promise<Spent> {
  const parameters = trimmingParameters({ paired: false, srna: false });
  const signal = new AbortController().signal;
  const cpu = () => childrenCpu() + (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
  const [startedAt, before] = [performance.now(), cpu()];
  const context = { threads, signal, log: NO_LOG, report() {}, attempt: '1' };
  await trimReads(context, { parameters, reads: [reads], folder, expected: count });
  return { wall: (performance.now() - startedAt) / 1000, cpu: cpu() - before };
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), createGunzip(), hash);
  return hash.digest('hex');
}
