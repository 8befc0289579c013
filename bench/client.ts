import { once } from 'node:events';
import { openAsBlob } from 'node:fs';
import { basename } from 'node:path';
import { WebSocket } from 'ws';

type Json = Record<string, unknown>;

/** A message of the server's WebSocket, with the time of its arrival. */
export type Message = { interface: string; operation: string; data: Json; at: number };

/** A signed-in client for benchmarks. */
export type BenchClient = {
  send<T = Json>(method: string, path: string, body?: unknown): Promise<T>;
  /** Reads an answer without looking into it, and gives its bytes. */
  drain(path: string): Promise<number>;
  upload(type: string, file: string | Blob, name?: string): Promise<string>;
  /** The first message that fits; those that came before count too. */
  message(fits: (message: Message) => boolean): Promise<Message>;
  close(): void;
};

const ANSWER_LIMIT_MS = 1_800_000;

/** Makes the first user of a fresh server, or signs in as the one that was made, and opens the WebSocket. */
export async function signIn(url: string): Promise<BenchClient> {
  const jar = new Map<string, string>();
  const cookie = () => [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  const request = async (method: string, path: string, init: RequestInit) => {
    const response = await fetch(url + path, { method, ...init, headers: { ...init.headers, cookie: cookie() } });
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=');
      jar.set(name, value);
    }
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 200)}`);
    return text ? JSON.parse(text) : {};
  };
  const send = (method: string, path: string, body?: unknown) =>
    request(
      method,
      path,
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } },
    );
  const password = `bench-${new URL(url).port}`;
  const account = { username: 'bench', password };
  await send('PUT', '/api/users/first', { user_id: account.username, password }).catch(() =>
    send('POST', '/api/account/login', account),
  );
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, { headers: { cookie: cookie() } });
  const messages: Message[] = [];
  const waiting = new Set<() => void>();
  socket.on('message', (data) => {
    messages.push({ ...JSON.parse(String(data)), at: performance.now() });
    for (const wake of waiting) wake();
  });
  await once(socket, 'open');
  let isClosed = false;
  socket.once('close', () => {
    isClosed = true;
    for (const wake of waiting) wake();
  });
  return {
    send,
    async drain(path) {
      const response = await fetch(url + path, { headers: { cookie: cookie() } });
      if (!response.ok) throw new Error(`GET ${path}: ${response.status}`);
      return (await response.arrayBuffer()).byteLength;
    },
    async upload(type, file, name = typeof file === 'string' ? basename(file) : 'upload') {
      const form = new FormData();
      form.append('file', typeof file === 'string' ? await openAsBlob(file) : file, name);
      return (await request('POST', `/upload/${type}?name=${encodeURIComponent(name)}`, { body: form })).id;
    },
    message: (fits) =>
      new Promise((resolve, reject) => {
        const limit = setTimeout(() => reject(new Error('No such message came')), ANSWER_LIMIT_MS);
        const look = () => {
          const found = messages.find(fits);
          if (!found && !isClosed) return;
          clearTimeout(limit);
          waiting.delete(look);
          if (found) resolve(found);
          else reject(new Error('The server closed the connection before such a message came'));
        };
        waiting.add(look);
        look();
      }),
    close: () => socket.terminate(),
  };
}

/** Waits until a job has ended well. */
export async function jobDone(client: BenchClient, jobId: string): Promise<void> {
  const { data } = await client.message(
    (m) =>
      m.interface === 'jobs' &&
      m.data.id === jobId &&
      ['complete', 'error', 'cancelled'].includes(String(m.data.state)),
  );
  if (data.state !== 'complete') throw new Error(`Job ${jobId} ended as ${data.state}`);
}
