import type { Context } from 'hono';
import type { AuditAction, AuditStore } from '../../store/audit.js';
import type { Caller } from './caller.js';
import { peerAddress } from './peer.js';
import type { Env, Route, RouteResult } from './route.js';

const SECRETS = ['password', 'old_password', 'reset_code', 'email'];
const LONGEST_NAME = 100;

/** What the audit log calls the requests of a route; undefined when they are not audited. Every removal is. */
export function auditActionOf({ audit, method }: Route): AuditAction | undefined {
  return audit ?? (method === 'DELETE' ? 'deletion' : undefined);
}

/**
 * Runs the handler of an audited request between the entry that says what was asked and the one that says what came of it: what was
 * changed is never without an entry, wherever the server is cut off.
 */
export async function audited(
  store: AuditStore,
  action: AuditAction,
  { context, caller, body }: { context: Context<Env>; caller: Caller; body: unknown },
  handle: () => Promise<RouteResult>,
): Promise<RouteResult> {
  const event = {
    action,
    user: caller.userId,
    via: caller.via,
    address: peerAddress(context),
    target: `${context.req.method} ${context.req.path}`,
    details: withoutSecrets(body),
  };
  const asked = await store.append({ ...event, outcome: 'asked' });
  try {
    const result = await handle();
    await store.append({ ...event, outcome: outcomeOf(result.status), details: {}, asked, status: result.status });
    return result;
  } catch (error) {
    await store.append({ ...event, outcome: 'failed', details: {}, asked });
    throw error;
  }
}

/**
 * Writes what came of a request of somebody who was not signed in, when it was about a user: the handler says of which with
 * `context.set('actor', ...)`. Those that were put off are left out, as anybody can send any number of them.
 */
export async function auditSignIn(
  store: AuditStore,
  action: AuditAction,
  context: Context<Env>,
  { status }: RouteResult,
): Promise<void> {
  const actor = context.get('actor');
  if (actor === undefined || status === 429 || status === 503) return;
  await store.append({
    action,
    outcome: outcomeOf(status),
    user: actor.slice(0, LONGEST_NAME),
    via: 'none',
    address: peerAddress(context),
    target: `${context.req.method} ${context.req.path}`,
    details: {},
    status,
  });
}

/** Writes that somebody came with a wrong API key. */
export async function auditWrongKey(store: AuditStore, context: Context<Env>, userId: string): Promise<void> {
  await store.append({
    action: 'sign_in',
    outcome: 'refused',
    user: userId.slice(0, LONGEST_NAME),
    via: 'key',
    address: peerAddress(context),
    target: `${context.req.method} ${context.req.path}`,
    details: {},
  });
}

function outcomeOf(status: number): 'done' | 'refused' | 'failed' {
  if (status < 400) return 'done';
  return status < 500 ? 'refused' : 'failed';
}

function withoutSecrets(body: unknown): Record<string, unknown> {
  const given = Object.entries((body ?? {}) as Record<string, unknown>).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, SECRETS.includes(name) ? '(not shown)' : value]));
}
