import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { INTERFACES } from '../../../src/api/dispatch/interfaces.js';
import { seesMessage } from './expected.js';
import { IDS, type RightsServer, ROLES, type Role, startRightsServer } from './fixture.js';

/** A private document of each interface, and a change of it that is told. */
const CHANGES: Record<string, { id: string; change: Record<string, unknown> }> = {
  analyses: { id: IDS.analysis_id, change: { algorithm: 'nuvs' } },
  caches: { id: IDS.cache_id, change: { hash: 'other' } },
  files: { id: IDS.file_id, change: { size: 2 } },
  groups: { id: 'victims', change: { 'permissions.create_ref': true } },
  history: { id: IDS.change_id, change: {} },
  hmm: { id: 'unknown1', change: {} },
  indexes: { id: IDS.index_id, change: { has_files: false } },
  jobs: { id: IDS.job_id, change: { proc: 2 } },
  otus: { id: IDS.otu_id, change: { version: 1 } },
  processes: { id: IDS.process_id, change: { count: 1 } },
  references: { id: IDS.ref_id, change: { organism: 'other' } },
  samples: { id: IDS.sample_id, change: { host: 'other' } },
  settings: { id: 'settings', change: { sample_group_write: true } },
  status: { id: 'software', change: { installed: 'other' } },
  subtraction: { id: 'Host', change: { nickname: 'other' } },
  users: { id: 'victim', change: { primary_group: 'other' } },
};

type Message = { operation: string; interface: string; data: { id?: string } | string[] };

const VIEWERS = ROLES.filter(({ userId, key }) => userId && !key);
const told = new Map<Role, Message[]>();
const sockets: WebSocket[] = [];
let server: RightsServer;

beforeAll(async () => {
  server = await startRightsServer();
  for (const role of VIEWERS) {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws`, { headers: server.headersOf(role) });
    const messages: Message[] = [];
    told.set(role, messages);
    sockets.push(socket);
    socket.on('message', (data) => messages.push(JSON.parse(String(data))));
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  }
});
afterAll(async () => {
  for (const socket of sockets) socket.terminate();
  await server?.stop();
});

let marks = 0;
/** Waits until nothing is under way: messages keep their order. */
async function settle(): Promise<void> {
  marks += 1;
  const id = `mark${marks}`;
  await server.write('groups').insertOne({ _id: id, permissions: {} });
  for (const messages of told.values()) {
    await vi.waitFor(() => expect(messages.some(({ data }) => 'id' in data && data.id === id)).toBe(true), 20_000);
  }
}

function takeAbout(name: string): string[] {
  const names = VIEWERS.filter((role) =>
    told.get(role)?.some((message) => message.interface === name && !JSON.stringify(message.data).includes('"mark')),
  ).map((role) => role.name);
  for (const messages of told.values()) messages.splice(0);
  return names;
}

test('every interface has a private document here', () => {
  expect(Object.keys(CHANGES).sort()).toEqual(INTERFACES.map(({ collection }) => collection).sort());
});

test.each(INTERFACES.map((one) => [one.collection, one] as const))(
  '%s is told to those alone whom the table lets',
  async (name, one) => {
    const { id, change } = CHANGES[name] ?? { id: '', change: {} };
    const collection = server.write(name);
    await settle();
    takeAbout(name);
    if (one.operations.includes('update')) await collection.updateOne({ _id: id }, { $set: change });
    else {
      const document = (await collection.findOne({ _id: id })) ?? { _id: id };
      await collection.deleteOne({ _id: id });
      await settle();
      takeAbout(name);
      await collection.insertOne(document);
      if (!one.operations.includes('insert')) await collection.deleteOne({ _id: id });
    }
    await settle();
    const expected = VIEWERS.filter((role) => seesMessage(one.audience.rule, role));
    expect(takeAbout(name)).toEqual(expected.map((role) => role.name));
  },
);

test('without a session, and with an API key, no socket opens', async () => {
  for (const role of ROLES.filter(({ userId, key }) => !userId || key)) {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws`, { headers: server.headersOf(role) });
    const status = await new Promise((resolve) => {
      socket.once('unexpected-response', (_, response) => resolve(response.statusCode));
      socket.once('open', () => resolve('open'));
    });
    socket.on('error', () => undefined).terminate();
    expect(status, role.name).toBe(401);
  }
});
