import { BlockList, isIP } from 'node:net';
import { Agent, type Dispatcher, ProxyAgent, fetch as undiciFetch } from 'undici';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Requests through a proxy, `http://[user:pass@]host:port`: https by a tunnel, http handed to it. What is on this machine is reached
 * without it. Without a proxy the requests go out directly.
 */
export function createFetch(proxy: string | undefined): typeof fetch {
  if (proxy === undefined) return fetch;
  const proxied = new ProxyAgent({ uri: proxy, proxyTunnel: false });
  // Decided per connection, so that a redirection to this machine does not go through the proxy either.
  const dispatcher: Dispatcher = new Agent().compose(
    (direct) => (options, handler) =>
      isLoopback(options.origin) ? direct(options, handler) : proxied.dispatch(options, handler),
  );
  // Of the same package as the dispatcher, since Node's own one may be older and speak to it in another way.
  const send = undiciFetch as unknown as (input: Parameters<typeof fetch>[0], init: object) => Promise<Response>;
  return (input, init) => send(input, { ...init, dispatcher });
}

/** Whether a proxy refused to let a request through because it does not know the user. */
export function isProxyRefusal(error: unknown): boolean {
  // The package has no code for it; the status stands in the message, some causes down.
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.message.includes('(407)')) return true;
  }
  return false;
}

function isLoopback(origin: string | URL | undefined): boolean {
  if (origin === undefined) return false;
  const host = new URL(origin).hostname.replace(/^\[|\]$/g, '');
  const family = isIP(host);
  if (family !== 0) return LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
  return host === 'localhost' || host.endsWith('.localhost');
}
