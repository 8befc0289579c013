import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { waitFor } from '../support/wait.js';

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every form
export type Body = any;

/** An answer, its body parsed. */
export type Answer = { status: number; body: Body };

/** A message to browsers. */
export type Message = { operation: 'insert' | 'update' | 'delete'; interface: string; data: Body };

/** A browser that is signed in: cookies and a WebSocket. */
export type Client = {
  send(method: string, path: string, body?: unknown): Promise<Answer>;
  get(path: string): Promise<Body>;
  /** Posts and gives the body; throws on a refusal. */
  post(path: string, body?: unknown): Promise<Body>;
  /** Uploads bytes, or a file by its path, and gives the file id. */
  upload(type: 'reads' | 'reference' | 'subtraction', name: string, content: string | Uint8Array): Promise<string>;
  /** Everything that the WebSocket has received, oldest first. */
  messages: Message[];
  cookies(): string;
  close(): void;
};

const JOB_LIMIT_MS = 90_000;
const USER = { user_id: 'ann', password: 'a good password' };

/** Path of a file of the demo. */
export const demoFile = (name: string) => fileURLToPath(new URL(`../../demo/${name}`, import.meta.url));

/** Path of a small test file. */
export const badFile = (name: string) => fileURLToPath(new URL(`../data/bad/${name}`, import.meta.url));

/** Signs in, as the first user when there is none, and listens. */
export async function signIn(url: string): Promise<Client> {
  const jar = new Map<string, string>();
  const cookies = () => [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  const request = async (method: string, path: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(new URL(path, url), {
      method,
      ...init,
      headers: { Cookie: cookies(), ...init.headers },
    });
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=');
      jar.set(name, value);
    }
    const text = await response.text();
    const isJson = response.headers.get('Content-Type')?.startsWith('application/json');
    return { status: response.status, body: isJson ? JSON.parse(text) : text };
  };
  const send = (method: string, path: string, body?: unknown) =>
    request(method, path, body === undefined ? {} : json(body));

  const first = await send('PUT', '/api/users/first', USER);
  if (first.status >= 400) ok('sign in', await send('POST', '/api/account/login', { ...USER, username: USER.user_id }));
  const messages: Message[] = [];
  const socket = new WebSocket(new URL('/ws', url), { headers: { Cookie: cookies() } });
  socket.on('message', (data) => messages.push(JSON.parse(String(data))));
  await once(socket, 'open');
  // A server that is killed resets it.
  socket.on('error', () => socket.terminate());

  return {
    send,
    messages,
    cookies,
    get: async (path) => ok(`GET ${path}`, await send('GET', path)),
    post: async (path, body) => ok(`POST ${path}`, await send('POST', path, body)),
    async upload(type, name, content) {
      const form = new FormData();
      form.append('file', new Blob([typeof content === 'string' ? readFileSync(content) : Uint8Array.from(content)]));
      const path = `/upload/${type}?name=${encodeURIComponent(name)}`;
      return ok(`POST ${path}`, await request('POST', path, { body: form })).id;
    },
    close: () => socket.terminate(),
  };
}

/** The newest job of a task with this argument. */
export async function findJob(client: Client, task: string, name: string, value: string): Promise<string> {
  const { documents } = await client.get(`/api/jobs?per_page=500&find=${task}`);
  for (const { id } of documents.toReversed()) {
    const job = await client.get(`/api/jobs/${id}`);
    if (job.task === task && job.args[name] === value) return id;
  }
  throw new Error(`There is no job ${task} with ${name} ${value}`);
}

/** The job once it satisfies the condition; throws when it ends before. */
export async function jobWhen(client: Client, id: string, condition: (job: Body) => boolean, what: string) {
  return waitFor(
    async () => {
      const job = await client.get(`/api/jobs/${id}`);
      if (condition(job)) return job;
      if (isEnded(job))
        throw new Error(`The job is ${lastState(job)} before ${what}: ${JSON.stringify(job.status.at(-1))}`);
      return undefined;
    },
    what,
    JOB_LIMIT_MS,
  );
}

/** The job when it has ended, however it did. */
export const jobEnd = (client: Client, id: string) => jobWhen(client, id, isEnded, 'its end');

/** The job when it is complete. */
export async function completeJob(client: Client, id: string): Promise<Body> {
  return jobWhen(client, id, (job) => lastState(job) === 'complete', 'its completion');
}

/** The process when it is complete or has failed. */
export function processEnd(client: Client, id: string): Promise<Body> {
  return waitFor(
    async () => {
      const process = await client.get(`/api/processes/${id}`);
      return process.complete || process.errors?.length > 0 ? process : undefined;
    },
    `process ${id} to end`,
    JOB_LIMIT_MS,
  );
}

/** The state of a job: that of its last status. */
export const lastState = (job: Body): string => job.status.at(-1).state;

function isEnded(job: Body): boolean {
  return ['complete', 'error', 'cancelled'].includes(lastState(job));
}

function json(body: unknown): RequestInit {
  return { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
}

function ok(what: string, { status, body }: Answer): Body {
  if (status >= 400) throw new Error(`${what} was answered with ${status}: ${JSON.stringify(body)}`);
  return body;
}
