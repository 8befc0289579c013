import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { addAbortSignal } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { isLoopback, openTunnel, type ProxyAddress, ProxyRefused, parseProxy, proxyHeaders } from './proxy.js';

/** A request to a service outside: a GET, or a POST of form fields. */
export type OutgoingRequest = {
  url: string;
  headers: Record<string, string>;
  form?: Record<string, string> | undefined;
  /** Otherwise a redirection is the answer. */
  followsRedirections: boolean;
  /** Ends the request and the reading of its answer. */
  signal: AbortSignal;
};

/** The beginning of an answer. Either its body is read, or it is discarded. */
export type Answer = {
  status: number;
  headers: IncomingHttpHeaders;
  /** The bytes as they come; throws ConnectionFailed when the connection ends too early, and then nothing of it may count. */
  body: AsyncIterable<Buffer>;
  discard(): void;
};

/** Sends a request. Rejects with ConnectionFailed when there is no answer, and with ProxyRefused. */
export type Send = (request: OutgoingRequest) => Promise<Answer>;

/** No name, no route, a refused, cut or senseless answer, or an end by the signal. */
class ConnectionFailed extends Error {
  override name = 'ConnectionFailed';
}

const REDIRECTIONS = [301, 302, 303, 307, 308];
const MAXIMUM_REDIRECTIONS = 10;

/**
 * Requests through a proxy, `http://[user:pass@]host:port`: https by a tunnel, http handed to it. What is on this machine is reached
 * without it. Without a proxy the requests go out directly. Each one has a connection of its own.
 */
export function createSend(proxyAddress?: string): Send {
  const proxy = proxyAddress === undefined ? undefined : parseProxy(proxyAddress);
  return async (request) => {
    let url = new URL(request.url);
    for (let redirections = 0; ; redirections += 1) {
      const answer = await sendOnce(url, request, isLoopback(url) ? undefined : proxy);
      const { location } = answer.headers;
      if (!request.followsRedirections || !REDIRECTIONS.includes(answer.status) || location === undefined)
        return answer;
      answer.discard();
      if (redirections === MAXIMUM_REDIRECTIONS) throw new ConnectionFailed('Too many redirections');
      url = resolve(location, url);
    }
  };
}

function resolve(location: string, base: URL): URL {
  const url = URL.canParse(location, base.href) ? new URL(location, base) : undefined;
  if (url && ['http:', 'https:'].includes(url.protocol)) return url;
  throw new ConnectionFailed('A redirection leads to no web address');
}

async function sendOnce(url: URL, outgoing: OutgoingRequest, proxy: ProxyAddress | undefined): Promise<Answer> {
  const form = outgoing.form && new URLSearchParams(outgoing.form).toString();
  try {
    outgoing.signal.throwIfAborted();
    const request = await open(url, outgoing, proxy, form);
    return await answerTo(request, outgoing.signal, form);
  } catch (cause) {
    if (cause instanceof ProxyRefused) throw cause;
    throw new ConnectionFailed(`No answer: ${(cause as Error).message}`, { cause });
  }
}

async function open(
  url: URL,
  { headers, signal }: OutgoingRequest,
  proxy: ProxyAddress | undefined,
  form: string | undefined,
): Promise<ClientRequest> {
  const path = url.pathname + url.search;
  const all = {
    Host: url.host,
    Accept: '*/*',
    // The bytes as they lie there: a compressed archive must not be unpacked on its way.
    'Accept-Encoding': 'identity',
    Connection: 'close',
    ...headers,
    ...(form === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded;charset=UTF-8' }),
    ...(form === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(form)) }),
  };
  const common = { method: form === undefined ? 'GET' : 'POST', signal };
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (url.protocol === 'http:' && proxy) {
    const target = { host: proxy.host, port: proxy.port, path: url.href };
    return requestHttp({ ...common, ...target, agent: false, headers: { ...all, ...proxyHeaders(proxy) } });
  }
  if (url.protocol === 'http:') {
    return requestHttp({ ...common, host, port: url.port || 80, path, agent: false, headers: all });
  }
  const port = Number(url.port || 443);
  if (!proxy) return requestHttps({ ...common, host, port, path, agent: false, headers: all });
  const socket = await openTunnel(proxy, `${url.hostname}:${port}`, signal);
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const createConnection = () => connectTls({ socket, host, ...servername });
  return requestHttps({ ...common, host, port, path, headers: all, createConnection });
}

function answerTo(request: ClientRequest, signal: AbortSignal, form: string | undefined): Promise<Answer> {
  return new Promise((resolvePromise, reject) => {
    let message: IncomingMessage | undefined;
    request.on('error', (error) => {
      reject(error);
      // A body that ends with its connection would else pass for whole.
      if (message && !message.complete) message.destroy(error);
    });
    request.on('close', () => reject(new Error('The connection was closed')));
    request.on('response', (response) => {
      message = addAbortSignal(signal, response);
      // Kept for the reader, who may not have begun.
      response.on('error', () => undefined);
      resolvePromise({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: bodyOf(response),
        discard: () => void response.destroy(),
      });
    });
    request.end(form);
  });
}

async function* bodyOf(response: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    yield* response as AsyncIterable<Buffer>;
  } catch (cause) {
    throw new ConnectionFailed(`The answer was cut: ${(cause as Error).message}`, { cause });
  }
}
