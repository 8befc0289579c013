import { basename, relative } from 'node:path';
import type { ProgramRecord, RunRecord, StepRecord } from '../../store/provenance.js';
import type { ToolRun } from '../../tools/errors.js';
import type { ProgramIdentity } from '../../tools/identity.js';
import { observeTools } from '../../tools/observer.js';
import { type ChildUsage, readChildUsage } from '../../tools/process/child_usage.js';

/** What a step has used, as it is recorded. */
export type StepUsage = Pick<StepRecord, 'seconds' | 'cpu_seconds' | 'peak_memory_bytes' | 'server_cpu_seconds'>;

/** A run that has ended, with its times on the clock of `performance`. */
type EndedRun = { run: ToolRun; from: number; to: number };

/** A step that is being measured. */
export type Measuring = {
  /** Does the work of the step, and takes note of the tools that it runs. */
  watch(work: () => Promise<void>): Promise<void>;
  /** All runs so far. */
  runs(): ToolRun[];
  /** Ends the measuring; more than once is harmless. */
  end(): StepUsage;
};

// Steps that this process is doing, and how many it has begun: only a step that was alone all the time knows its own CPU time.
let active = 0;
let begun = 0;

/** Measures a step from now on. */
export function startMeasuring(): Measuring {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const ended: EndedRun[] = [];
  let exact: number | undefined;
  begun += 1;
  const [number, startedAlone] = [begun, active === 0];
  active += 1;
  let usage: StepUsage | undefined;
  const measure = (): StepUsage => {
    active -= 1;
    const { user, system } = process.cpuUsage(cpu);
    const isAlone = startedAlone && begun === number;
    return {
      seconds: round((performance.now() - startedAt) / 1000),
      cpu_seconds: exact ?? sumOf(ended.map(({ run }) => run.cpuSeconds)),
      peak_memory_bytes: peakOf(ended),
      server_cpu_seconds: isAlone ? round((user + system) / 1e6) : null,
    };
  };
  return {
    async watch(work) {
      let count = 0;
      const add = (run: ToolRun, isListed: boolean) => {
        count += 1;
        const to = performance.now();
        if (isListed) ended.push({ run, from: to - run.wallSeconds * 1000, to });
      };
      const before = readChildUsage();
      await observeTools(add, work);
      exact = ownCpuSeconds(before, readChildUsage(), count);
    },
    runs: () => ended.map(({ run }) => run),
    end: () => {
      usage ??= measure();
      return usage;
    },
  };
}

/** CPU time of tools between two readings; undefined when other tools than those of the step ran in between. */
function ownCpuSeconds(before: ChildUsage, after: ChildUsage, runs: number): number | undefined {
  const hasOthers = before.running > 0 || after.running > 0 || after.started - before.started !== runs;
  if (hasOthers || before.cpuSeconds === undefined || after.cpuSeconds === undefined) return undefined;
  return round(after.cpuSeconds - before.cpuSeconds);
}

const MOST_RUNS = 100;

/** The runs of a step by program. Paths are made relative to `root`; what lies elsewhere is shown by its last part alone. */
export function recordPrograms(
  runs: readonly ToolRun[],
  identities: ReadonlyMap<string, ProgramIdentity>,
  root: string,
): ProgramRecord[] {
  const programs = new Map<string, ProgramRecord>();
  for (const run of runs.slice(0, MOST_RUNS)) {
    const [program = '', ...rest] = run.command;
    const identity = identities.get(program);
    if (!identity) continue;
    const { version, sha256 } = identity;
    const record = programs.get(program) ?? { program: identity.program, version, sha256, runs: [] };
    programs.set(program, record);
    record.runs.push(recordRun(run, rest, root));
  }
  return [...programs.values()];
}

function recordRun(run: ToolRun, rest: readonly string[], root: string): RunRecord {
  return {
    arguments: rest.map((argument) => hidePaths(argument, root)),
    exit_code: run.exitCode,
    seconds: round(run.wallSeconds),
    cpu_seconds: run.cpuSeconds ?? null,
    peak_memory_bytes: run.peakRssBytes ?? null,
  };
}

/** An argument without the paths of this machine, also where files are joined by commas or stand behind `=`. */
function hidePaths(argument: string, root: string): string {
  return argument.replace(/(^|[=,])(\/[^,]+)/g, (_, before: string, path: string) => {
    const inside = relative(root, path);
    return before + (inside.startsWith('..') ? basename(path) : inside);
  });
}

/** The sum of what is known; null when nothing is, 0 without any run. */
function sumOf(values: readonly (number | undefined)[]): number | null {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0 && values.length > 0) return null;
  return round(known.reduce((sum, value) => sum + value, 0));
}

/** The largest sum of the peaks of runs that overlap: never less than what was used together. */
function peakOf(ended: readonly EndedRun[]): number | null {
  const known = ended.filter(({ run }) => run.peakRssBytes !== undefined);
  if (known.length === 0 && ended.length > 0) return null;
  const sums = known.map(({ from }) =>
    known
      .filter((other) => other.from <= from && from < other.to)
      .reduce((sum, { run }) => sum + (run.peakRssBytes ?? 0), 0),
  );
  return Math.max(0, ...sums);
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
