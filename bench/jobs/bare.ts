import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { BenchClient } from '../client.js';
import { printTable, seconds } from '../table.js';

/** A command line of the original server, and the step that it belongs to. */
export type BareCommand = { stage: string; argv: string[]; stdout?: 'ignore' | number };

/** Seconds on the clock and on all cores. */
export type Spent = { wall: number; cpu: number };

/** Trimming as the original server ran it; `mode` is `pe` for single reads and `any` for pairs. */
export function skewerAlone(reads: readonly string[], to: string, threads: number): string[] {
  const mode = reads.length === 2 ? 'any' : 'pe';
  const flags = `-r 0.1 -d 0.03 -m ${mode} -l 20 -q 20 -Q 25 -t ${threads} -o ${to} -n -z --quiet`;
  return ['skewer', ...flags.split(' '), ...reads];
}

/** Runs a program bare and waits for it. */
export function spend(argv: readonly string[], stdout: 'ignore' | number = 'ignore'): Spent {
  const [program = '', ...args] = argv;
  const before = childrenCpu();
  const startedAt = performance.now();
  const run = spawnSync(program, args, { stdio: ['ignore', stdout, 'ignore'] });
  const wall = (performance.now() - startedAt) / 1000;
  if (run.status !== 0) throw new Error(`${argv.join(' ')} ended with ${run.status ?? run.signal}`);
  return { wall, cpu: childrenCpu() - before };
}

/** CPU seconds of all processes that this one has started and waited for. */
export function childrenCpu(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

/** Runs commands one after another; seconds by step. */
export function runBare(commands: Iterable<BareCommand>): Map<string, Spent> {
  const times = new Map<string, Spent>();
  for (const { stage, argv, stdout } of commands) {
    const { wall, cpu } = spend(argv, stdout);
    const former = times.get(stage) ?? { wall: 0, cpu: 0 };
    times.set(stage, { wall: former.wall + wall, cpu: former.cpu + cpu });
  }
  return times;
}

/** What of a job the tables need. */
export type Job = { proc: number; mem: number; status: { state: string; stage: string | null; timestamp: string }[] };

/** The job as the server tells it. */
export function readJob(client: BenchClient, jobId: string): Promise<Job> {
  return client.send<Job>('GET', `/api/jobs/${jobId}`);
}

/** Prints the steps of a job beside the bare commands. */
export function printSteps(title: string, { status }: Job, bare: Map<string, Spent>, goal: number): void {
  const rows: string[][] = [];
  for (const [position, entry] of status.entries()) {
    const next = status[position + 1];
    if (entry.state !== 'running' || !entry.stage || !next) continue;
    const took = (Date.parse(next.timestamp) - Date.parse(entry.timestamp)) / 1000;
    const alone = bare.get(entry.stage);
    const ratio = alone ? (took / alone.wall).toFixed(2) : '';
    rows.push([entry.stage, seconds(took), alone ? seconds(alone.wall) : '', alone ? seconds(alone.cpu) : '', ratio]);
  }
  const times = status.map(({ timestamp }) => Date.parse(timestamp));
  const whole = (Math.max(...times) - Math.min(...times)) / 1000;
  const sum = (key: keyof Spent) => [...bare.values()].reduce((total, spent) => total + spent[key], 0);
  const ratio = `${(whole / sum('wall')).toFixed(2)}, goal ≤ ${goal}`;
  rows.push(['whole job', seconds(whole), seconds(sum('wall')), seconds(sum('cpu')), ratio]);
  printTable(title, ['step', 'job', 'bare tools', 'their CPU', 'ratio'], rows);
}
