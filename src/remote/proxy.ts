import { request } from 'node:http';
import { BlockList, isIP, type Socket } from 'node:net';

/** A proxy for outgoing requests. */
export type ProxyAddress = { host: string; port: number; authorization: string | undefined };

/** A proxy does not let a request through because it does not know the user. */
export class ProxyRefused extends Error {
  override name = 'ProxyRefused';
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** The proxy at an address `http://[user:pass@]host:port`. */
export function parseProxy(address: string): ProxyAddress {
  const { hostname, port, username, password } = new URL(address);
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = username === '' ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`;
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80), authorization };
}

/** What a proxy must be told beside the request. */
export function proxyHeaders({ authorization }: ProxyAddress): Record<string, string> {
  return authorization === undefined ? {} : { 'Proxy-Authorization': authorization };
}

/** A connection through a proxy to `host:port`. Rejects with ProxyRefused, or the error of the connection. */
export function openTunnel(proxy: ProxyAddress, target: string, signal: AbortSignal): Promise<Socket> {
  const { host, port } = proxy;
  const headers = { Host: target, ...proxyHeaders(proxy) };
  return new Promise((resolve, reject) => {
    const asking = request({ host, port, method: 'CONNECT', path: target, agent: false, headers, signal });
    asking.on('error', reject);
    asking.on('close', () => reject(new Error('The proxy closed the connection')));
    asking.on('connect', ({ statusCode = 0 }, socket: Socket, head) => {
      // Whoever gets it is told by the connection inside of it.
      socket.on('error', () => undefined);
      if (statusCode >= 200 && statusCode < 300) {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(statusCode === 407 ? new ProxyRefused('The proxy wants another user') : new Error(`Proxy: ${statusCode}`));
    });
    asking.end();
  });
}

/** Whether an address is on this machine. */
export function isLoopback({ hostname }: URL): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(host);
  if (family !== 0) return LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
  return host === 'localhost' || host.endsWith('.localhost');
}
