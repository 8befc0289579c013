import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { DemoError } from '../report.js';
import { ErrorAnswer, FileAnswer } from './schemas.js';

const LIMIT_MS = 60_000;

/** A client of the server that keeps its session's cookies, as a browser would. */
export type Client = {
  /** Sends a request and checks the answer's body. Throws {@link DemoError} for every status of 400 and more. */
  send<S extends v.GenericSchema>(
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    schema: S,
    body?: unknown,
  ): Promise<v.InferOutput<S>>;
  /** Uploads a file under a name; resolves with its id. */
  upload(type: 'reads' | 'reference' | 'subtraction', name: string, file: string): Promise<string>;
  /** The `Cookie` header of this session. */
  cookies(): string;
};

/** A client without a session; signing in gives it one. The signal ends requests under way. */
export function createClient(url: string, signal: AbortSignal): Client {
  const jar = new Map<string, string>();
  const cookies = () => [...jar].map(([name, value]) => `${name}=${value}`).join('; ');

  const request = async (method: string, path: string, init: RequestInit): Promise<Response> => {
    const response = await fetch(new URL(path, url), {
      ...init,
      method,
      headers: { Accept: 'application/json', Cookie: cookies(), ...init.headers },
      signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]),
    }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw new DemoError(`${method} ${path}: ${reasonOf(error)}`, { cause: error });
    });
    for (const line of response.headers.getSetCookie()) takeCookie(jar, line);
    return response;
  };

  const send: Client['send'] = async (method, path, schema, body) => {
    const json = body === undefined ? {} : jsonBody(body);
    const response = await request(method, path, json);
    return readAnswer(`${method} ${path}`, response, schema);
  };

  const upload: Client['upload'] = async (type, name, file) => {
    const form = new FormData();
    form.append('file', new Blob([await readFile(file)]), name);
    const path = `/upload/${type}?name=${encodeURIComponent(name)}`;
    const { id } = await readAnswer(`POST ${path}`, await request('POST', path, { body: form }), FileAnswer);
    return id;
  };

  return { send, upload, cookies };
}

function jsonBody(body: unknown): RequestInit {
  return { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
}

async function readAnswer<S extends v.GenericSchema>(
  what: string,
  response: Response,
  schema: S,
): Promise<v.InferOutput<S>> {
  const text = await response.text();
  const body = parseJson(text);
  if (!response.ok) {
    const refusal = v.safeParse(ErrorAnswer, body);
    const reason = refusal.success ? refusal.output.message : text.slice(0, 200);
    throw new DemoError(`${what} was answered with ${response.status}: ${reason}`);
  }
  const checked = v.safeParse(schema, body);
  if (checked.success) return checked.output;
  const [issue] = checked.issues;
  throw new DemoError(`${what} gave an unexpected answer: ${v.getDotPath(issue) ?? 'body'}: ${issue.message}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function takeCookie(jar: Map<string, string>, line: string): void {
  const [pair = '', ...attributes] = line.split(';');
  const name = pair.slice(0, pair.indexOf('=')).trim();
  if (attributes.some((attribute) => /^\s*max-age=0\s*$/i.test(attribute))) jar.delete(name);
  else jar.set(name, pair.slice(pair.indexOf('=') + 1).trim());
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message;
}
