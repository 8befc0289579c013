import { closeSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { ToolCommand } from './command.js';
import { ToolFailed, ToolMissing, type ToolRun } from './errors.js';
import { tellObserver } from './observer.js';
import { type ChunkSource, chunkSource } from './process/pump.js';
import { discard, type OpenSink, type Sink } from './process/sinks.js';
import {
  type FinishedTool,
  type RunOptions,
  type StartedTool,
  startTool,
  type ToolNeighbours,
} from './process/tool.js';
import { installAdvice } from './programs.js';
import { toolSurroundings } from './surroundings.js';

export { collectText, discard, eachLine, readChunks, readLines, type Sink, toFile } from './process/sinks.js';
export type { RunOptions } from './process/tool.js';

/** A successful run and what its stdout became. */
export type ToolResult<T> = ToolRun & { readonly output: T };

/**
 * Runs a tool to its end. Rejects with `ToolFailed` when it fails, `ToolMissing` when it is not installed, the signal's
 * reason when it was aborted, and the error of the stdout consumer when that threw. Whatever the outcome, no process of
 * the tool's group is alive afterwards, and none outlives this process.
 */
export async function runTool(command: ToolCommand, options?: RunOptions): Promise<ToolResult<undefined>>;
export async function runTool<T>(
  command: ToolCommand,
  options: RunOptions & { stdout: Sink<T> },
): Promise<ToolResult<T>>;
export async function runTool<T>(
  command: ToolCommand,
  options: RunOptions & { stdout?: Sink<T> } = {},
): Promise<ToolResult<T | undefined>> {
  const sink: Sink<T | undefined> = options.stdout ?? discard();
  return runChain([command], sink, options);
}

/**
 * Runs two tools, the stdout of the first being the stdin of the second. Both exit codes count; the tool that failed first is
 * blamed, but not one that only lost its reader. The result tells about the second tool.
 */
export async function runPipe<T>(
  commands: readonly [from: ToolCommand, to: ToolCommand],
  options: RunOptions & { stdout: Sink<T> },
): Promise<ToolResult<T>> {
  return runChain(commands, options.stdout, options);
}

async function runChain<T>(
  commands: readonly ToolCommand[],
  sink: Sink<T>,
  options: RunOptions,
): Promise<ToolResult<T>> {
  let { stdin } = options;
  const closeStdin = () => {
    if (stdin !== undefined) closeSync(stdin);
    stdin = undefined;
  };
  let open: OpenSink<T> | undefined;
  try {
    options.signal?.throwIfAborted();
    open = await sink.open();
    let source: ChunkSource | undefined;
    const neighbours = { surroundings: toolSurroundings(), isHeldUp: () => source?.isBehind() ?? false };
    const tools = await startAll(commands, open.stdio, options, neighbours);
    closeStdin();
    const stdout = open.stdio === 'pipe' ? tools.at(-1)?.group.stdout : null;
    source = stdout ? chunkSource(stdout) : undefined;
    const { finished, output } = await supervise(tools, open, source, options.signal);
    for (const { run } of finished) tellObserver(run);
    options.signal?.throwIfAborted();
    const last = finished.at(-1);
    if (!last) throw new Error('A chain of tools is never empty');
    if (output.ok && finished.every(succeeded)) return { ...last.run, output: output.value };
    throw await failure(finished, output, options.cwd);
  } finally {
    closeStdin();
    await open?.close();
  }
}

/** Starts the tools of a chain. One that does not start ends the others. */
async function startAll(
  commands: readonly ToolCommand[],
  stdout: OpenSink<unknown>['stdio'],
  options: RunOptions,
  neighbours: ToolNeighbours,
): Promise<StartedTool[]> {
  const tools: StartedTool[] = [];
  try {
    for (const [index, command] of commands.entries()) {
      const stdio = {
        stdin: index === 0 ? (options.stdin ?? 'ignore') : 'pipe',
        stdout: index === commands.length - 1 ? stdout : 'pipe',
      } as const;
      tools.push(await startTool(command, stdio, options, neighbours));
    }
    return tools;
  } catch (error) {
    for (const tool of tools) tool.group.stop();
    await Promise.all(tools.map((tool) => tool.finish()));
    throw error;
  }
}

type Output<T> = { ok: true; value: T } | { ok: false; error: unknown; leftEarly: boolean };

/** Moves the data, passes an abort on, and returns when every process is gone and the consumer is done. */
async function supervise<T>(
  tools: readonly StartedTool[],
  open: OpenSink<T>,
  source: ChunkSource | undefined,
  signal: AbortSignal | undefined,
) {
  const stopAll = () => {
    for (const tool of tools) tool.group.stop();
  };
  const onAbort = () => {
    stopAll();
    source?.abort(signal?.reason);
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  connect(tools);
  const drained = open.drain(source?.chunks ?? nothing()).then(
    (value): Output<T> => {
      source?.close();
      return { ok: true, value };
    },
    (error: unknown): Output<T> => {
      stopAll();
      return { ok: false, error, leftEarly: source?.leftEarly() ?? false };
    },
  );
  try {
    const finished = await Promise.all(tools.map((tool) => tool.finish()));
    source?.toolEnded();
    return { finished, output: await drained };
  } finally {
    source?.close();
    signal?.removeEventListener('abort', onAbort);
  }
}

function connect(tools: readonly StartedTool[]): void {
  for (const [index, tool] of tools.entries()) {
    const from = tools[index - 1]?.group.stdout;
    // A broken pipe shows in the exit codes.
    if (from && tool.group.stdin) pipeline(from, tool.group.stdin).catch(() => {});
  }
}

async function* nothing(): AsyncGenerator<Buffer> {}

function succeeded({ run }: FinishedTool): boolean {
  return run.exitCode === 0 && run.signal === null && run.problem === undefined && run.stalledSeconds === undefined;
}

/** The error of a chain: the tool to blame, or the consumer when it was the one that ended the tools. */
async function failure(
  finished: readonly FinishedTool[],
  output: Output<unknown>,
  cwd: string | undefined,
): Promise<unknown> {
  const failed = finished.filter((tool) => !succeeded(tool));
  const stalled = failed.find(({ run }) => run.stalledSeconds !== undefined);
  if (!stalled && !output.ok && output.leftEarly) return output.error;
  const own = failed.filter((tool) => !tool.stopped).sort((a, b) => a.endedAt - b.endedAt);
  const blamed = stalled ?? own.find((tool) => !lostItsReader(tool)) ?? own[0];
  if (blamed === undefined) return output.ok ? new Error('A tool was ended without a reason') : output.error;
  const run = { ...blamed.run, freeDiskBytes: await freeBytes(cwd ?? process.cwd()) };
  const error = new ToolFailed(run, output.ok ? undefined : { cause: output.error });
  const program = run.command[0] ?? '';
  return neverStarted(run) ? new ToolMissing(program, installAdvice(program), { cause: error }) : error;
}

function lostItsReader({ run }: FinishedTool): boolean {
  if (run.signal === 'SIGPIPE' || run.exitCode === 141) return true;
  return run.stderrTail.some((line) => /broken pipe|connection reset by peer/i.test(line));
}

/** The shell that starts the tool could not: a script whose interpreter is missing, a binary for another machine. */
function neverStarted(run: ToolRun): boolean {
  return (run.exitCode === 126 || run.exitCode === 127) && /^(\/bin\/)?sh: /.test(run.stderrTail.at(-1) ?? '');
}

async function freeBytes(path: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
