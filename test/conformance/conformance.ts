import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { startProcess } from '../../src/local/processes/process.js';
import type { StepResult } from './ratchet.js';

const HERE = import.meta.dirname;
const ROOT = join(HERE, '../..');
const RECORDING = join(HERE, 'recording');
const SOURCES = [join(ROOT, 'demo'), join(HERE, 'files'), join(ROOT, 'test/data/releases')];
/** What the stand-in for the outside services serves. */
const SERVED = ['reference-small-old.json.gz', 'reference-small.json.gz', 'hmm-small.tar.gz'];
const READY = /^Virtool is ready: (\S+)$/m;

const GIB = 1024 ** 3;
const START_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 60_000;
const WALK_LIMIT_MS = 12 * 60_000;

// Those of the server that was recorded; a large job must occupy all cores.
const LIMITS = { proc: 2, mem: 8, lg_proc: 2, lg_mem: 8, sm_proc: 2, sm_mem: 4 };

/** How to run the walk. */
export type ConformanceOptions = {
  /** Folder with the files that the walk uploads; default: those of the repository. */
  data?: string | undefined;
  /** Port for the stand-in of the outside services; without it the steps that need them are left out. */
  remotePort?: number | undefined;
  /** More options for the replayer. */
  replayer?: readonly string[];
  /** `inherit` shows what the replayer prints as it comes. */
  output: 'inherit' | 'ignore';
  /** Ends the run in the middle, with nothing left behind. */
  signal?: AbortSignal | undefined;
};

/** Sends the recorded requests to a fresh server with an empty database and gives what became of each. */
export async function runConformance(options: ConformanceOptions): Promise<StepResult[]> {
  requireHost();
  const folder = mkdtempSync(join(tmpdir(), 'virtool-conformance-'));
  try {
    const data = options.data ?? gatherFiles(join(folder, 'files'));
    requireFiles(data, options.remotePort !== undefined);
    const server = await startServer(folder, options.remotePort);
    try {
      return await replay(server.url, { data, walk: walkFor(folder), report: join(folder, 'report.json') }, options);
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function requireHost(): void {
  const cores = availableParallelism();
  const memory = Math.round(totalmem() / GIB);
  if (cores >= LIMITS.proc && memory >= LIMITS.mem) return;
  throw new Error(
    `The recorded walk needs ${LIMITS.proc} cores and ${LIMITS.mem} GiB of memory; this host has ${cores} and ${memory}.`,
  );
}

type WalkStep = { n: number; needs?: string; upload?: { file?: string }; body?: object };
type Walk = { steps: WalkStep[] };

const readWalk = () => JSON.parse(readFileSync(join(RECORDING, 'walk.json'), 'utf8')) as Walk;

function neededFiles(): string[] {
  return [...new Set(readWalk().steps.flatMap(({ upload }) => upload?.file ?? []))];
}

/** Makes a sample of two files whose names are those of no mates: this server wants to be told that they are in order all the same. */
const PAIRED_BY_ORDER = 545;

/** The recorded walk with the one request that this server needs otherwise. */
function walkFor(folder: string): string {
  const walk = readWalk();
  const steps = walk.steps.map((step) =>
    step.n === PAIRED_BY_ORDER ? { ...step, body: { ...step.body, pairing: 'by_order' } } : step,
  );
  const path = join(folder, 'walk.json');
  writeFileSync(path, JSON.stringify({ ...walk, steps }));
  return path;
}

function gatherFiles(folder: string): string {
  for (const file of new Set([...neededFiles(), ...SERVED])) {
    const source = SOURCES.map((place) => join(place, file)).find((path) => existsSync(path));
    if (source === undefined) continue;
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    symlinkSync(source, join(folder, file));
  }
  return folder;
}

function requireFiles(folder: string, remote: boolean): void {
  const served = remote ? SERVED : [];
  const absent = [...neededFiles(), ...served].filter((file) => !existsSync(join(folder, file)));
  if (absent.length === 0) return;
  throw new Error(
    `The walk needs files that are not in ${folder}: ${absent.join(', ')}. Name their folder with --data.`,
  );
}

async function startServer(folder: string, remotePort: number | undefined) {
  const remote = remotePort === undefined ? [] : remoteOptions(`http://127.0.0.1:${remotePort}`);
  // The recorded server asked outside only when it was told to, and what it finds there depends on its version.
  const fixed = ['--no-refreshing', '--force-version=v3.7.3'];
  const limits = Object.entries(LIMITS).map(([name, value]) => `--${name.replace('_', '-')}=${value}`);
  const places = [`--data-path=${join(folder, 'data')}`, `--watch-path=${join(folder, 'watch')}`];
  let url = '';
  const server = await startProcess(
    {
      name: 'server',
      command: process.execPath,
      args: [
        join(ROOT, 'dist/main.js'),
        'start',
        '--host=127.0.0.1',
        '--port=0',
        ...places,
        ...limits,
        ...fixed,
        ...remote,
      ],
      cwd: folder,
      env: ownEnvironment(),
      ready: (output) => {
        url = READY.exec(output)?.[1] ?? '';
        return url !== '';
      },
      readyLimitMs: START_LIMIT_MS,
      stopLimitMs: STOP_LIMIT_MS,
    },
    { dataPath: folder, onFault: (error) => process.stderr.write(`${String(error)}\n`) },
  );
  return { url, stop: () => server.stop() };
}

// Settings of the person who runs this must not change what the server answers.
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('VT_') || name === 'VT_CACHE_PATH'),
  );
}

function remoteOptions(base: string): string[] {
  return [
    `--github-url=${base}`,
    `--genbank-url=${base}/efetch`,
    `--blast-url=${base}/blast`,
    `--software-url=${base}/releases3`,
  ];
}

async function replay(
  url: string,
  { data, walk, report }: { data: string; walk: string; report: string },
  options: ConformanceOptions,
): Promise<StepResult[]> {
  const remote = options.remotePort === undefined ? [] : ['--remote-port', String(options.remotePort)];
  const args = [
    '--url',
    url,
    '--data',
    data,
    '--walk',
    walk,
    '--report',
    report,
    ...remote,
    ...(options.replayer ?? []),
  ];
  const child = spawn(process.execPath, [join(RECORDING, 'replay.mjs'), ...args], {
    stdio: ['ignore', options.output, options.output === 'inherit' ? 'inherit' : 'pipe'],
    timeout: WALK_LIMIT_MS,
    ...(options.signal ? { signal: options.signal } : {}),
  });
  let complaint = '';
  child.stderr?.on('data', (chunk) => {
    complaint += chunk;
  });
  const [code, signal] = await once(child, 'close');
  // Its status tells whether anything differs; the list of matching steps decides here.
  if (!existsSync(report)) throw new Error(`The replayer ended with ${signal ?? `code ${code}`}. ${complaint}`);
  return (JSON.parse(readFileSync(report, 'utf8')) as { results: StepResult[] }).results;
}
