import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = join(import.meta.dirname, '..');
const START_LIMIT_MS = 60_000;

/** A server of its own for a benchmark, in a temporary folder. */
export type BenchServer = {
  url: string;
  folder: string;
  /** Connection string of its database server. */
  databaseUrl: string;
  /** Seconds from the command to "ready". */
  startSeconds: number;
  /** Proportional memory of every process in MiB, by name. */
  memory(): Promise<Map<string, number>>;
  /** Resident memory of the processes of a name in MiB; cheap enough to ask for while something is timed. */
  resident(name: string): Promise<number>;
  /** CPU seconds of all processes so far. */
  cpuSeconds(): Promise<number>;
  stop(): Promise<void>;
};

/** Starts the built server. */
export async function startServer(options: readonly string[] = []): Promise<BenchServer> {
  const main = join(ROOT, 'dist', 'main.js');
  if (!existsSync(main)) throw new Error('There is no build. Run: npm run build');
  const folder = await mkdtemp(join(tmpdir(), 'virtool-bench-'));
  const startedAt = performance.now();
  const child = spawn(
    process.execPath,
    [main, 'start', '--port=0', '--no-refreshing', `--data-path=${join(folder, 'data')}`, ...options],
    {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  // A benchmark that is ended from outside takes its server along.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      child.kill('SIGTERM');
      child.once('exit', () => process.exit(1));
    });
  }
  const { url, databaseUrl } = await readAddresses(child);
  return {
    url,
    databaseUrl,
    folder,
    startSeconds: (performance.now() - startedAt) / 1000,
    memory: () => memoryByName(child.pid as number),
    resident: (name) => residentOf(child.pid as number, name),
    cpuSeconds: () => cpuSeconds(child.pid as number),
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function readAddresses(child: ChildProcess): Promise<{ url: string; databaseUrl: string }> {
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const limit = Date.now() + START_LIMIT_MS;
  for (;;) {
    const url = /Virtool is ready: (\S+)/.exec(output)?.[1];
    const databaseUrl = /^MongoDB: .* (mongodb:\S+)/m.exec(output)?.[1];
    if (url && databaseUrl) return { url, databaseUrl };
    if (child.exitCode !== null || Date.now() > limit) throw new Error(`The server did not start:\n${output}`);
    await sleep(20);
  }
}

async function descendants(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const below = await Promise.all(children.split(' ').filter(Boolean).map(Number).map(descendants));
  return [pid, ...below.flat()];
}

async function memoryByName(root: number): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const pid of await descendants(root)) {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
    const kibibytes = Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
    const name = await nameOf(pid);
    sizes.set(name, (sizes.get(name) ?? 0) + kibibytes / 1024);
  }
  return sizes;
}

async function residentOf(root: number, name: string): Promise<number> {
  let kibibytes = 0;
  for (const pid of await descendants(root)) {
    if ((await nameOf(pid)) !== name) continue;
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    kibibytes += Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }
  return kibibytes / 1024;
}

async function nameOf(pid: number): Promise<string> {
  const [command = '', ...args] = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  if (command.includes('temporal')) return 'Temporal';
  if (command.includes('secantus') || command.includes('mongod')) return 'MongoDB';
  if (command.endsWith('sh')) return 'shells';
  const main = args.findIndex((arg) => arg.endsWith('main.js'));
  return (
    args
      .slice(main + 1, main + 3)
      .filter((arg) => !arg.startsWith('-'))
      .join(' ') || 'other'
  );
}

async function cpuSeconds(root: number): Promise<number> {
  let ticks = 0;
  for (const pid of await descendants(root)) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  }
  return ticks / 100;
}
