import { setTimeout as delay } from 'node:timers/promises';
import type { ClientSession } from 'mongodb';
import type { Database, Stored } from './database.js';

/**
 * Transactions that keep a rule over several documents, which a snapshot alone cannot see: `samples` for unique names and for
 * hosts that samples use, `subtractions` for names that mean the same folder, `analyses` for the tags of samples and
 * for the files of the indexes that analyses use, `administrators` for the last of them, `memberships` for what users have by their
 * groups, `otu_names` for the names of OTUs in one reference.
 */
export type LockName =
  | 'administrators'
  | 'analyses'
  | 'memberships'
  | 'samples'
  | 'subtractions'
  | `otu_names ${string}`;

/** After so long a transaction goes on without its turn: two that wait for each other's locks must not stand. */
const LONGEST_TURN_MS = 2_000;

/** The end of the last transaction of this process that asked for a lock. */
const lastOf = new WeakMap<Database, Map<LockName, Promise<void>>>();
const asked = new WeakMap<ClientSession, Set<LockName>>();

/**
 * Makes the transactions that hold the same lock run one after the other: all of them change its document, so the later
 * one starts again. Those of this process take turns before that, as starting again costs more than waiting. To be called first in the
 * transaction.
 */
export async function holdLock(database: Database, name: LockName, session: ClientSession): Promise<void> {
  await takeTurn(database, name, session);
  const locks = database.collection<Stored & { holds: number }>('locks');
  await locks.updateOne({ _id: name }, { $inc: { holds: 1 } }, { session, upsert: true });
}

type Work = { run(session: ClientSession): Promise<() => void>; fail(error: unknown): void };

/** What waits for the next shared transaction, by lock; an entry without work while one runs. */
const waiting = new WeakMap<Database, Map<LockName, Work[]>>();

/** So many share a transaction at most, as one that is long meets more others. */
const MOST_SHARING = 50;

/**
 * Does work under a lock in one transaction with all other work of this process that asks for the same lock meanwhile: many requests at
 * once cost one commit. Work may be begun several times, and has to throw if it has written something that is not to stay; then, or when
 * the transaction fails, each runs in one of its own.
 */
export function inSharedTransaction<T>(
  database: Database,
  name: LockName,
  work: (session: ClientSession) => Promise<T>,
): Promise<T> {
  const queues = waiting.get(database) ?? new Map<LockName, Work[]>();
  waiting.set(database, queues);
  return new Promise<T>((resolve, reject) => {
    const run = async (session: ClientSession) => {
      const result = await work(session);
      return () => resolve(result);
    };
    const queue = queues.get(name);
    if (queue) {
      queue.push({ run, fail: reject });
      return;
    }
    queues.set(name, [{ run, fail: reject }]);
    void shareAll(database, name, queues);
  });
}

async function shareAll(database: Database, name: LockName, queues: Map<LockName, Work[]>): Promise<void> {
  for (;;) {
    const works = queues.get(name)?.splice(0, MOST_SHARING) ?? [];
    if (works.length === 0) break;
    await share(database, name, works);
  }
  queues.delete(name);
}

async function share(database: Database, name: LockName, works: readonly Work[]): Promise<void> {
  try {
    const settle = await database.transaction(async (session) => {
      await holdLock(database, name, session);
      const done: (() => void)[] = [];
      for (const { run } of works) done.push(await run(session));
      return done;
    });
    for (const tell of settle) tell();
  } catch (error) {
    if (works.length > 1) await Promise.all(works.map((work) => share(database, name, [work])));
    else works[0]?.fail(error);
  }
}

/** Waits for the transactions that asked before. A transaction that starts again has its turn still. */
async function takeTurn(database: Database, name: LockName, session: ClientSession): Promise<void> {
  const names = asked.get(session) ?? new Set();
  if (names.has(name)) return;
  asked.set(session, names.add(name));
  const last = lastOf.get(database) ?? new Map<LockName, Promise<void>>();
  lastOf.set(database, last);
  const before = last.get(name);
  const ended = new Promise<void>((resolve) => {
    session.once('ended', () => {
      if (last.get(name) === ended) last.delete(name);
      resolve();
    });
  });
  last.set(name, ended);
  if (before) await Promise.race([before, delay(LONGEST_TURN_MS, undefined, { ref: false })]);
}
