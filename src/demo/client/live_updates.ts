import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import { WebSocket } from 'ws';
import { DemoError } from '../report.js';
import { SocketMessage, WithId } from './schemas.js';

const OPEN_LIMIT_MS = 10_000;

/** What can be followed live. */
export type Followed = 'jobs' | 'processes';

/** Messages about one document, in order; the latest earlier one comes first. */
export type Subscription = {
  /** The next message's document; undefined when none came within the limit. */
  next(limitMs: number): Promise<unknown>;
  close(): void;
};

/** A browser's WebSocket: the changes of documents, as the server pushes them. */
export type LiveUpdates = {
  follow(kind: Followed, id: string): Subscription;
  /** Messages received so far, by interface; what is no message of the server counts as `unreadable`. */
  counts(): Record<string, number>;
  close(): void;
};

/** Opens the WebSocket of a signed-in session. A socket that closes later is no error: followers then get no more messages. */
export async function openLiveUpdates(url: string, cookies: string, signal: AbortSignal): Promise<LiveUpdates> {
  const socket = new WebSocket(url, { headers: { Cookie: cookies }, handshakeTimeout: OPEN_LIMIT_MS });
  const inbox = createInbox(signal);
  socket.on('message', (data) => inbox.take(String(data)));
  try {
    await once(socket, 'open', { signal });
  } catch (error) {
    socket.terminate();
    signal.throwIfAborted();
    throw new DemoError(`The WebSocket ${url} cannot be opened: ${(error as Error).message}`, { cause: error });
  }
  // Its cause shows as the closing of the socket, which the followers notice by silence.
  socket.on('error', () => socket.terminate());
  return { follow: inbox.follow, counts: inbox.counts, close: () => socket.terminate() };
}

function createInbox(signal: AbortSignal) {
  const latest = new Map<string, unknown>();
  const counts = new Map<string, number>();
  const queues = new Map<string, Set<Queue>>();

  const take = (text: string) => {
    const message = v.safeParse(SocketMessage, text);
    const name = message.success ? message.output.interface : 'unreadable';
    counts.set(name, (counts.get(name) ?? 0) + 1);
    const document = v.safeParse(WithId, message.success ? message.output.data : undefined);
    if (!document.success) return;
    const key = `${name}/${document.output.id}`;
    latest.set(key, document.output);
    for (const queue of queues.get(key) ?? []) queue.push(document.output);
  };

  const follow = (kind: Followed, id: string): Subscription => {
    const key = `${kind}/${id}`;
    const queue = createQueue(signal);
    if (latest.has(key)) queue.push(latest.get(key));
    queues.set(key, (queues.get(key) ?? new Set()).add(queue));
    return { next: queue.next, close: () => queues.get(key)?.delete(queue) };
  };

  return { take, follow, counts: () => Object.fromEntries(counts) };
}

type Queue = ReturnType<typeof createQueue>;

function createQueue(signal: AbortSignal) {
  const waiting: unknown[] = [];
  let wake: (() => void) | undefined;
  return {
    push(item: unknown) {
      waiting.push(item);
      wake?.();
    },
    async next(limitMs: number): Promise<unknown> {
      if (waiting.length === 0) {
        const timer = new AbortController();
        const arrived = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const either = AbortSignal.any([signal, timer.signal]);
        await Promise.race([arrived, delay(limitMs, undefined, { signal: either }).catch(() => undefined)]);
        timer.abort();
        wake = undefined;
        signal.throwIfAborted();
      }
      return waiting.shift();
    },
  };
}
