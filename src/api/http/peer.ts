import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { Env } from './route.js';

const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;

/**
 * Address of the client, empty when unknown. Behind a proxy on the same host it is the address that the proxy has added;
 * what clients write themselves into that header is not believed.
 */
export function peerAddress(context: Context<Env>): string {
  const peer = socketOf(context)?.remoteAddress ?? '';
  if (!LOOPBACK.test(peer)) return peer;
  const forwarded = lastOf(context.req.header('X-Forwarded-For'));
  return isIP(forwarded) === 0 ? peer : forwarded;
}

/** Whether the client's connection is encrypted, by this server or by a proxy before it. */
export function isEncrypted(context: Context<Env>): boolean {
  const socket = socketOf(context) as Partial<TLSSocket> | undefined;
  return socket?.encrypted === true || lastOf(context.req.header('X-Forwarded-Proto')) === 'https';
}

function socketOf(context: Context<Env>) {
  return (context.env as Partial<HttpBindings> | undefined)?.incoming?.socket;
}

function lastOf(header: string | undefined): string {
  return header?.split(',').at(-1)?.trim() ?? '';
}
