import { type BlockList, isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { HttpBindings } from '@hono/node-server';
import type { Context, MiddlewareHandler } from 'hono';
import { networkOf } from '../../store/accounts/login_attempts.js';
import type { Env } from './route.js';

/** Address of the client, empty when unknown; behind trusted proxies the one that they have been asked by. */
export function peerAddress(context: Context<Env>): string {
  return context.get('address') ?? '';
}

/** The network of the client, by which limits count. */
export function peerNetwork(context: Context<Env>): string {
  return networkOf(peerAddress(context));
}

/**
 * Finds the address of the client, and whether its connection is encrypted. `X-Forwarded-For` is believed as far as the trusted proxies have
 * written it, from its end, `X-Forwarded-Proto` where one of them has asked, and neither without any: clients can write them themselves.
 */
export function clientAddress(trusted: BlockList | undefined): MiddlewareHandler<Env> {
  return (context, next) => {
    const peer = plain(socketOf(context)?.remoteAddress ?? '');
    const forwarded = (context.req.header('X-Forwarded-For') ?? '').split(',').map((each) => plain(each.trim()));
    context.set('address', trusted ? farthest(peer, forwarded, trusted) : peer);
    const isByProxy = trusted !== undefined && isTrusted(peer, trusted);
    context.set('isForwardedTls', isByProxy && lastOf(context.req.header('X-Forwarded-Proto')) === 'https');
    return next();
  };
}

function farthest(peer: string, forwarded: string[], trusted: BlockList): string {
  let address = peer;
  for (const next of forwarded.toReversed()) {
    if (!isTrusted(address, trusted) || isIP(next) === 0) break;
    address = next;
  }
  return address;
}

function isTrusted(address: string, trusted: BlockList): boolean {
  const family = isIP(address);
  return family !== 0 && trusted.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

// Sockets that take both families show IPv4 addresses inside of IPv6 ones.
function plain(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

/** Whether the client's connection is encrypted, by this server or by a trusted proxy before it. */
export function isEncrypted(context: Context<Env>): boolean {
  const socket = socketOf(context) as Partial<TLSSocket> | undefined;
  return socket?.encrypted === true || context.get('isForwardedTls') === true;
}

function socketOf(context: Context<Env>) {
  return (context.env as Partial<HttpBindings> | undefined)?.incoming?.socket;
}

function lastOf(header: string | undefined): string {
  return header?.split(',').at(-1)?.trim() ?? '';
}
