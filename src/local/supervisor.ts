import { setTimeout as delay } from 'node:timers/promises';
import { LocalError, reasonOf } from './errors.js';
import { checkoutCache } from './install/cache.js';
import { ensureTools } from './install/tools.js';
import { announce, type Keeper, keepRunning } from './processes/keeper.js';
import type { ProcessHome, ProcessSpec } from './processes/process.js';
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
const CHILD_STOP_LIMIT_MS = 30_000;
const STACK_STOP_LIMIT_MS = 60_000;

/**
 * Starts the servers and the children, and starts again whatever dies. Throws `LocalError`, with nothing
 * left running, when something cannot be started the first time.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const servers = await startServersAndTools(options);
  const children: Keeper[] = [];
  const stop = once(() => stopInOrder(servers, children, options.stopLimitMs ?? STACK_STOP_LIMIT_MS));
  const addChild = async (spec: ChildSpec) => void children.push(await keepChild(spec, servers, options));
  try {
    // The order of the list decides who ends first, so it must not depend on who is ready first.
    const outcomes = await Promise.allSettled(
      options.children(servers).map((spec) => keepChild(spec, servers, options)),
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
  const [servers, tools] = await Promise.allSettled([
    startServers(options),
    options.tools === false ? undefined : ensureTools({ cachePath, logger }),
  ]);
  if (servers.status === 'rejected') throw servers.reason;
  if (tools.status === 'fulfilled') return servers.value;
  await servers.value.stop();
  throw tools.reason;
}

function keepChild(child: ChildSpec, servers: Servers, options: ServerOptions): Promise<Keeper> {
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
  return keepRunning(spec, home, {
    onEvent(event) {
      announce(event, options);
      if (event.state === 'died') freeLocks(servers, options);
    },
  });
}

function freeLocks(servers: Servers, { logger }: ServerOptions): void {
  servers.afterCrash().catch((error: unknown) => {
    // The database may be down as well; its own restart frees everything.
    logger.warn(`Open transactions could not be ended: ${reasonOf(error)}`);
  });
}

async function stopInOrder(servers: Servers, children: Keeper[], limitMs: number): Promise<void> {
  const inOrder = (async () => {
    for (const child of children.toReversed()) await child.stop();
    await servers.stop();
    return true;
  })();
  if (await Promise.race([inOrder, delay(limitMs, false, { ref: false })])) return;
  for (const child of children) child.kill();
  servers.kill();
  await inOrder;
  throw new LocalError(`Not everything ended within ${limitMs / 1000} s; the rest was killed`);
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
