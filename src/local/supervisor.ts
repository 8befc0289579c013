import { setTimeout as delay } from 'node:timers/promises';
import { LocalError, reasonOf } from './errors.js';
import { checkoutCache } from './install/cache.js';
import { ensureTools } from './install/tools.js';
import { announce, type Keeper, keepRunning, type ProcessEvent } from './processes/keeper.js';
import type { ProcessHome, ProcessSpec } from './processes/process.js';
import { startTogether } from './processes/start_together.js';
import { type ServerOptions, type Servers, startServers } from './servers/index.js';

/** One of our own processes below the supervisor: a Node program, by default this one with other arguments. */
export type ChildSpec = {
  /** Names its log and pid files, e.g. `api`. */
  name: string;
  /** Arguments of `node`, the script first. */
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Asked again and again with the output so far, until it says true. */
  ready(output: string): Promise<boolean> | boolean;
  readyLimitMs?: number;
  stopLimitMs?: number;
  /** Sees the child's output as it comes, besides its log file. */
  onOutput?(chunk: Buffer): void;
};

/** What to run: the servers, then children that are told where the servers are. They end in reverse order. */
export type StackOptions = ServerOptions & {
  children(servers: Servers): readonly ChildSpec[];
  /** Limit for the whole orderly end; what then still runs is killed. */
  stopLimitMs?: number;
  /** `false` leaves out the check and installation of the tools. */
  tools?: boolean;
};

/** Everything that runs for one data folder. */
export type Stack = Omit<Servers, 'keepers' | 'afterCrash'> & {
  /** Process ids of the moment, by name. */
  pids(): Record<string, number | undefined>;
  addChild(spec: ChildSpec): Promise<void>;
};

const READY_LIMIT_MS = 60_000;
// The control worker gives its activities twenty seconds.
const CHILD_STOP_LIMIT_MS = 22_000;
const STACK_STOP_LIMIT_MS = 30_000;
const KILL_LIMIT_MS = 5_000;

/**
 * Starts the servers and the children, and starts again whatever dies, also before it was ready. Throws `LocalError`, with nothing
 * left running, when something cannot be started for a reason that does not pass by itself.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const servers = await startServersAndTools(options);
  const children: Keeper[] = [];
  const stop = once(() => stopInOrder(servers, children, options.stopLimitMs ?? STACK_STOP_LIMIT_MS));
  const addChild = async (spec: ChildSpec) =>
    void children.push(await keepChild(spec, servers, options, options.signal));
  try {
    // The order of the list decides who ends first, so it must not depend on who is ready first.
    const outcomes = await startTogether<Keeper[]>(
      options.children(servers).map((spec) => (signal: AbortSignal) => keepChild(spec, servers, options, signal)),
      options.signal,
    );
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') children.push(outcome.value);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  } catch (error) {
    await stop();
    throw error;
  }
  const { keepers, afterCrash: _, ...shown } = servers;
  return {
    ...shown,
    pids: () => Object.fromEntries([...children, ...keepers].map(({ name, pid }) => [name, pid()])),
    addChild,
    stop,
    kill() {
      for (const child of children) child.kill();
      servers.kill();
    },
  };
}

async function startServersAndTools(options: StackOptions): Promise<Servers> {
  const { cachePath = checkoutCache(), logger } = options;
  const [servers, tools] = await startTogether<[Servers, unknown]>(
    [
      (signal) => startServers({ ...options, signal }),
      async () => (options.tools === false ? undefined : await ensureTools({ cachePath, logger })),
    ],
    options.signal,
  );
  if (servers.status === 'rejected') throw servers.reason;
  if (tools.status === 'fulfilled') return servers.value;
  await servers.value.stop();
  throw tools.reason;
}

function keepChild(
  child: ChildSpec,
  servers: Servers,
  options: ServerOptions,
  firstStart: AbortSignal | undefined,
): Promise<Keeper> {
  const { dataPath, logger } = options;
  const home: ProcessHome = {
    dataPath,
    onFault: (error) => logger.error(`The log of ${child.name} cannot be written: ${reasonOf(error)}`),
  };
  const spec: ProcessSpec = {
    name: child.name,
    command: process.execPath,
    args: child.args,
    cwd: process.cwd(),
    env: { ...process.env, ...child.env },
    ready: child.ready,
    readyLimitMs: child.readyLimitMs ?? READY_LIMIT_MS,
    stopLimitMs: child.stopLimitMs ?? CHILD_STOP_LIMIT_MS,
    ...(child.onOutput === undefined ? {} : { onOutput: child.onOutput }),
  };
  const onEvent = (event: ProcessEvent) => {
    announce(event, options);
    if (event.state === 'died') freeLocks(servers, options);
  };
  return keepRunning(spec, home, { onEvent }, firstStart);
}

function freeLocks(servers: Servers, { logger }: ServerOptions): void {
  servers.afterCrash().catch((error: unknown) => {
    // The database may be down as well; its own restart frees everything.
    logger.warn(`Open transactions could not be ended: ${reasonOf(error)}`);
  });
}

async function stopInOrder(servers: Servers, children: Keeper[], limitMs: number): Promise<void> {
  const inOrder = stopEach([...children.toReversed(), servers]).then(() => true);
  if (await Promise.race([inOrder, delay(limitMs, false, { ref: false })])) return;
  for (const child of children) child.kill();
  servers.kill();
  // What the kernel does not end, as it waits for a disk, cannot be waited for.
  await Promise.race([inOrder, delay(KILL_LIMIT_MS, undefined, { ref: false })]);
  throw new LocalError(`Not everything ended within ${limitMs / 1000} s; the rest was killed`);
}

/** Stops one after the other, the later ones also when an earlier one fails; throws the first failure. */
async function stopEach(parts: readonly { stop(): Promise<void> }[]): Promise<void> {
  const failures: unknown[] = [];
  for (const part of parts) await part.stop().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
