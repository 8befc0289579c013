import { createHash } from 'node:crypto';
import type { Filter } from 'mongodb';
import type { Compete } from './database/contention.js';
import type { Database, Stored } from './database/database.js';
import { findPage, type Page, type PageRequest } from './database/pages.js';

/** What is audited. */
export const AUDIT_ACTIONS = [
  'sign_in',
  'sign_out',
  'password',
  'account',
  'key',
  'user',
  'group',
  'settings',
  'rights',
  'member',
  'deletion',
  'adoption',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/**
 * `asked` is written before anything is changed, `done`, `refused` or `failed` after it, so what a crash cut off stands there as asked
 * alone. Sign-ins have the second entry only.
 */
export type AuditOutcome = 'asked' | 'done' | 'refused' | 'failed';

/** What happened: who did what, on what, from where. */
export type AuditEvent = {
  action: AuditAction;
  outcome: AuditOutcome;
  /** Null when nobody is known. */
  user: string | null;
  via: 'session' | 'key' | 'none' | 'command';
  /** Address of the client; empty for commands. */
  address: string;
  /** Method and path of the request, or the command. */
  target: string;
  /** What was asked for, without secrets. */
  details: Record<string, unknown>;
  /** Number of the `asked` entry that an outcome belongs to. */
  asked?: number;
  status?: number;
};

/** An entry as stored. Its id is its number, from 1, in twelve digits; `hash` covers all of it and the hash of the entry before. */
export type AuditDocument = Stored & AuditEvent & { number: number; at: Date; previous: string; hash: string };

/** Which entries are wanted. */
export type AuditQuery = {
  user?: string | undefined;
  action?: string | undefined;
  outcome?: string | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
};

/** Whether the chain holds; `broken` is the number of the first entry that does not fit, `known` one that is not the one noted before. */
export type AuditVerification =
  | { ok: true; count: number; hash: string }
  | { ok: false; count: number; broken: number; reason: string };

/** An entry whose number and hash somebody has noted. */
export type KnownEntry = { number: number; hash: string };

/** What the first entry has for the hash of the one before. */
const BEGIN = '0'.repeat(64);

/** Access to the audit log. */
export type AuditStore = ReturnType<typeof createAuditStore>;

/** The audit log: entries are appended, and never changed or removed. */
export function createAuditStore(database: Database, compete: Compete) {
  const entries = database.collection<AuditDocument>('audit');

  let waiting: Waiting[] = [];
  let isWriting = false;

  /** Writes entries in one transaction; gives the number of the first. */
  const write = async (events: readonly AuditEvent[]): Promise<number> => {
    const written = await compete('audit', async (session) => {
      // Of processes that write at once, the others find the number taken and start again.
      const last = await entries.findOne({}, { session, sort: { _id: -1 } });
      const first = (last?.number ?? 0) + 1;
      await entries.insertMany(chain(events, first, last?.hash ?? BEGIN), { session });
      return { ok: true as const, first };
    });
    if (!written.ok) throw new Error('The audit log cannot be written: other processes write all the time');
    return written.first;
  };
  const writeAll = async (): Promise<void> => {
    isWriting = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        const first = await write(batch.map(({ event }) => event));
        for (const [index, { resolve }] of batch.entries()) resolve(first + index);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    isWriting = false;
  };

  return {
    /**
     * Appends an entry and gives its number. What comes while others are written is written together after them.
     *
     * @throws Error when it cannot be written; then nothing is.
     */
    append(event: AuditEvent): Promise<number> {
      return new Promise((resolve, reject) => {
        waiting.push({ event, resolve, reject });
        if (!isWriting) void writeAll();
      });
    },

    /** One page of entries, newest first. */
    list({ user, action, outcome, from, to }: AuditQuery, request: PageRequest): Promise<Page<AuditDocument>> {
      const at = { ...(from ? { $gte: from } : {}), ...(to ? { $lt: to } : {}) };
      const base = {
        ...(user === undefined ? {} : { user }),
        ...(action === undefined ? {} : { action }),
        ...(outcome === undefined ? {} : { outcome }),
        ...(from || to ? { at } : {}),
      } as Filter<AuditDocument>;
      return findPage(entries, { base, sort: { _id: -1 }, projection: {} }, request);
    },

    /**
     * Reads the whole log and looks whether each entry is what was written, and none is missing between two. Entries that are cut off at
     * the end are missed only by those who have noted the hash of one of them: `known`.
     */
    async verify(known?: KnownEntry): Promise<AuditVerification> {
      let count = 0;
      let previous = BEGIN;
      for await (const { _id, hash, ...entry } of entries.find().sort({ _id: 1 })) {
        const fail = (reason: string) => ({ ok: false as const, count, broken: count + 1, reason });
        if (entry.number !== count + 1 || _id !== idOf(entry.number))
          return fail('An entry is missing or out of place');
        if (entry.previous !== previous) return fail('It does not follow the entry before');
        if (hash !== hashOf(entry)) return fail('It is not as it was written');
        if (known?.number === entry.number && known.hash !== hash) return fail('It is not the one that was noted');
        count += 1;
        previous = hash;
      }
      if (known && known.number > count) {
        return { ok: false, count, broken: count + 1, reason: 'The log ends before the entry that was noted' };
      }
      return { ok: true, count, hash: previous };
    },
  };
}

type Waiting = { event: AuditEvent; resolve(number: number): void; reject(error: unknown): void };

/** Entries for these events, each with the hash of the one before. */
function chain(events: readonly AuditEvent[], first: number, begin: string): AuditDocument[] {
  const at = new Date();
  let previous = begin;
  return events.map((event, index) => {
    const entry = { ...event, number: first + index, at, previous };
    previous = hashOf(entry);
    return { _id: idOf(entry.number), ...entry, hash: previous };
  });
}

function idOf(number: number): string {
  return String(number).padStart(12, '0');
}

function hashOf(entry: Omit<AuditDocument, '_id' | 'hash'>): string {
  return createHash('sha256').update(canonical(entry)).digest('hex');
}

/** JSON with sorted keys: the same text for the same values, whatever order a database keeps them in. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, given: unknown) =>
    typeof given === 'object' && given !== null && !Array.isArray(given)
      ? Object.fromEntries(Object.entries(given).sort(([a], [b]) => (a < b ? -1 : 1)))
      : given,
  );
}
