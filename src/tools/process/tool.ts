import type { ToolCommand, ToolLog } from '../command.js';
import type { ToolRun } from '../errors.js';
import { requireProgram, toolEnvironment } from '../programs.js';
import type { toolSurroundings } from '../surroundings.js';
import { watchChildCpu } from './child_usage.js';
import { type Ending, type GroupOptions, type ProcessGroup, startGroup } from './group.js';
import { LineReader, Tail } from './lines.js';
import { watchMemoryKills } from './memory_kills.js';
import { pumpStderr } from './pump.js';
import { watchStalls } from './stalls.js';
import { startSampling, type WatchedInputs } from './usage.js';

/** How a tool is run. */
export type RunOptions = {
  /** Working folder; the server's own when absent. */
  cwd?: string | undefined;
  /** On abort the tool's whole process group ends, and the run rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** A descriptor that becomes the stdin of the tool; it belongs to the run, which closes it here. */
  stdin?: number | undefined;
  /** Time between SIGTERM and SIGKILL, default 300 ms. */
  killAfterMs?: number | undefined;
  /** How many of the last stderr lines are kept, default 50. */
  tailLines?: number | undefined;
  /** Gets every stderr line, those of progress bars included. */
  onStderr?: ((line: string) => void) | undefined;
  /** Gets the command and every stderr line, progress bars left out. */
  log?: ToolLog | undefined;
  /** Tells how far the tool has read its input files; never called on systems without /proc. */
  inputs?: WatchedInputs | undefined;
};

/** A running tool. `finish` waits for its end and never rejects because the tool failed. */
export type StartedTool = {
  readonly group: ProcessGroup;
  finish(): Promise<FinishedTool>;
};

/** A run that is over; `stopped` tells that it ended because we ended it. `endedAt` is on the clock of `performance`. */
export type FinishedTool = { run: ToolRun; stopped: boolean; endedAt: number };

const KILL_AFTER_MS = 300;
const TAIL_LINES = 50;
const STALLED_AFTER_MS = 600_000;
/** After a cancel nobody needs the last words of a process that left the group. */
const STDERR_AFTER_STOP_MS = 200;

/** What a tool has to do with those around it, and whether it waits for this process to take what it has written. */
export type ToolNeighbours = { surroundings: ReturnType<typeof toolSurroundings>; isHeldUp(): boolean };

/** Starts one tool and watches its stderr and its use of the machine. Throws `ToolMissing`. */
export async function startTool(
  command: ToolCommand,
  stdio: Pick<GroupOptions, 'stdin' | 'stdout'>,
  options: RunOptions,
  { surroundings, isHeldUp }: ToolNeighbours,
): Promise<StartedTool> {
  const [program, ...args] = command.argv;
  const env = toolEnvironment(command.env);
  const cwd = options.cwd ?? process.cwd();
  const path = requireProgram(program, env);
  options.log?.command(command.argv.join(' '));
  const startedAt = performance.now();
  const cpu = watchChildCpu();
  const kernelKilled = watchMemoryKills();
  const { memoryBytes, activity, stalledAfterMs: limitMs = STALLED_AFTER_MS } = surroundings;
  const killAfterMs = options.killAfterMs ?? KILL_AFTER_MS;
  const group = await startGroup(path, args, { cwd, env, ...stdio, killAfterMs }).catch((error: unknown) => {
    cpu.end();
    throw error;
  });
  const sampling = startSampling(group.pid, options.inputs);
  let stalledSeconds: number | undefined;
  const onStalled = () => {
    stalledSeconds = limitMs / 1000;
    group.stop();
  };
  const stalls = watchStalls(group.pid, { activity, limitMs, isHeldUp, onStalled });
  const stderr = watchStderr(group, command, options);

  return {
    group,
    async finish() {
      const ending = await group.ended.finally(() => {
        cpu.end();
        sampling.stop();
        stalls.stop();
      });
      const endedAt = performance.now();
      const wallSeconds = (endedAt - startedAt) / 1000;
      const { stderrTail, problem } = await stderr(ending.stopped ? STDERR_AFTER_STOP_MS : undefined);
      const { exitCode, signal, stopped } = ending;
      const sampled = sampling.stop();
      const lacksMemory = () =>
        kernelKilled() || (sampled?.peakRssBytes ?? 0) > (memoryBytes ?? Number.POSITIVE_INFINITY);
      const killed = stopped ? undefined : killerOf(ending, stderrTail, lacksMemory);
      const run = { command: command.argv, exitCode, signal, stderrTail, problem, killed, stalledSeconds, wallSeconds };
      return { run: { ...run, ...sampled, cpuSeconds: cpu.end() ?? sampled?.cpuSeconds }, stopped, endedAt };
    },
  };
}

function watchStderr(group: ProcessGroup, command: ToolCommand, options: RunOptions) {
  const reader = new LineReader();
  const tail = new Tail(options.tailLines ?? TAIL_LINES);
  let problem: string | undefined;

  const take = (lines: ReturnType<LineReader['push']>) => {
    for (const { text, transient } of lines) {
      options.onStderr?.(text);
      if (transient) continue;
      tail.push(text);
      options.log?.line(text, 1);
      if (problem === undefined && command.isFailureLine?.(text)) problem = text;
    }
  };
  const closed = pumpStderr(group.stderr, (chunk) => take(reader.push(chunk)));
  return async (limitMs?: number) => {
    await closed(limitMs);
    take(reader.end());
    return { stderrTail: tail.toArray(), problem };
  };
}

/**
 * Who killed the tool, or a child of a wrapper that passes it on in words or as an exit code (128 + n, or -n as one byte). The kernel kills
 * with SIGKILL alone.
 */
function killerOf(
  { signal, exitCode }: Ending,
  stderrTail: readonly string[],
  lacksMemory: () => boolean,
): ToolRun['killed'] {
  const told = (pattern: RegExp) => stderrTail.some((line) => pattern.test(line));
  const isKilled = signal === 'SIGKILL' || exitCode === 137 || exitCode === 247;
  if (isKilled || told(/died with signal 9\b|OS return value: -9\b|^Killed$/))
    return lacksMemory() ? 'memory' : 'outside';
  const isEnded = ['SIGTERM', 'SIGINT', 'SIGHUP'].includes(signal ?? '') || exitCode === 143 || exitCode === 241;
  return isEnded || told(/died with signal 15\b|OS return value: -15\b/) ? 'outside' : undefined;
}
