import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchClient, jobDone } from './client.js';
import { printTable, quantile } from './table.js';

const ROUNDS = 30;
const FASTA = new Blob([`>host\n${'ACGTTGCATGCA'.repeat(100)}\n`]);

/** From the POST of a job to `running` on a socket, and to its end, on an idle server; a tiny host genome each time. */
export async function benchFixedCost(client: BenchClient): Promise<void> {
  const running: number[] = [];
  const ended: number[] = [];
  const plain: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const fileId = await client.upload('subtraction', FASTA, 'host.fa');
    await sleep(300);
    const asked = performance.now();
    await client.send('GET', '/api/subtractions');
    plain.push(performance.now() - asked);
    const posted = performance.now();
    const { job } = await client.send<{ job: { id: string } }>('POST', '/api/subtractions', {
      subtraction_id: `Host ${round}`,
      file_id: fileId,
    });
    const first = await client.message(
      (m) => m.interface === 'jobs' && m.data.id === job.id && m.data.state === 'running',
    );
    running.push(first.at - posted);
    await jobDone(client, job.id);
    ended.push(performance.now() - posted);
  }
  const row = (what: string, values: number[], goal = '') => [
    what,
    ...[0.5, 0.95, 1].map((share) => quantile(values, share).toFixed(0)),
    (quantile(values, 0.5) / quantile(plain, 0.5)).toFixed(1),
    goal,
  ];
  printTable(
    `Fixed cost of a job, ${ROUNDS} times on an idle server (ms; ratio of medians to a plain request)`,
    ['what', 'p50', 'p95', 'max', 'ratio', 'goal'],
    [
      row('plain request', plain),
      row('POST to running on a socket', running, 'p95 ≤ 250'),
      row('POST to complete (five steps)', ended),
    ],
  );
}
