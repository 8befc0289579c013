import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Stored } from '../../../src/store/database/database.js';
import { loadLists } from '../../support/kept.js';
import { type TestDatabase, testDatabase } from '../../support/servers.js';
import { LIMIT, startSockets } from './support.js';

let raw: TestDatabase;
let site: Awaited<ReturnType<typeof startSockets>>;
beforeEach(async () => {
  raw = await testDatabase();
  site = await startSockets(raw);
});
afterEach(async () => {
  await site.stop();
  await raw.dispose();
});

const PAGE = { page: 1, perPage: 25 };
const head = { userId: 'head', administrator: true, groups: [] };
const written = { _id: 'x', created_at: new Date(0), user: { id: 'bob' } };
type Site = typeof site;

/** A document of each kept collection, the change of it that another process makes, and a list that has it only after that. */
const CHANGED: Record<string, { before: object; change: object; list(site: Site): Promise<{ found_count: number }> }> =
  {
    samples: {
      before: { ...written, name: 'Leaf', pathoscope: false, nuvs: false },
      change: { $set: { pathoscope: 'ip' } },
      list: ({ store }) => store.samples.list(head, { pathoscope: ['ip'], nuvs: [] }, PAGE),
    },
    jobs: {
      before: { ...written, task: 'nuvs', args: {}, status: [] },
      change: { $set: { user: { id: 'ann' } } },
      list: ({ store }) => store.jobs.list({}, 'ann', PAGE),
    },
    files: {
      before: { ...written, name: 'reads', type: 'reads', ready: false, reserved: false, uploaded_at: new Date(0) },
      change: { $set: { ready: true } },
      list: ({ store }) => store.files.list('reads', PAGE),
    },
    otus: {
      before: { ...written, name: 'Virus', version: 0, verified: false, reference: { id: 'r' } },
      change: { $set: { verified: true, version: 1 } },
      list: ({ store }) => store.otus.list({ scope: ['r'], verified: true }, PAGE),
    },
    // As an index build does it.
    history: {
      before: {
        ...written,
        otu: { id: 'o', name: 'Virus', version: 0 },
        reference: { id: 'r' },
        index: { id: 'unbuilt' },
      },
      change: { $set: { index: { id: 'i', version: 0 } } },
      list: ({ store }) => store.history.list({ scope: ['r'], unbuilt: false }, PAGE),
    },
  };

test.each(Object.entries(CHANGED))('the feed of the sockets tells lists what changes in %s', async (name, made) => {
  const { before, change, list } = made;
  const documents = raw.db.collection<Stored>(name);
  await documents.insertOne({ ...before, _id: 'x' });
  await vi.waitFor(async () => {
    await loadLists(site.database);
    expect(await site.database.kept.of('users').select({ filter: {}, order: [['_id', 1]] })).toBeDefined();
  }, LIMIT);
  expect((await list(site)).found_count).toBe(0);
  await documents.updateOne({ _id: 'x' }, change);
  await vi.waitFor(async () => expect((await list(site)).found_count).toBe(1), LIMIT);
  await documents.deleteOne({ _id: 'x' });
  await vi.waitFor(async () => expect((await list(site)).found_count).toBe(0), LIMIT);
});
