import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Connection, Client as TemporalClient } from '@temporalio/client';
import type { ClientSession } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { processWorkflowId } from '../../src/contracts/processes.js';
import { type Database, openDatabase } from '../../src/store/database/database.js';
import { createStore, type Store } from '../../src/store/index.js';
import { type ReleaseServer, startReleaseServer } from '../support/release_server.js';
import { contentOf, NEW_RELEASE, OLD_RELEASE, publish, SLUG } from '../support/remote_references.js';
import { waitFor } from '../support/wait.js';
import { type Body, type Client, completeJob, processEnd, signIn } from './client.js';
import { createHome, type Home, type RunningServer, startServer } from './support.js';
import { importReference, makeSubtraction } from './walk.js';

const LIMIT = { timeout: 120_000 };
const UNBUILT = { old: 44, new: 89 };

let home: Home;
let releases: ReleaseServer;
let server: RunningServer;
let client: Client;
let database: Database;
let store: Store;

beforeAll(async () => {
  home = createHome();
  releases = await startReleaseServer();
  server = await startServer(home, ['--no-refreshing', `--github-url=${releases.url}`]);
  client = await signIn(server.url);
  database = await openDatabase({ url: server.mongoUrl, name: 'virtool' });
  store = createStore(database);
}, LIMIT.timeout);

afterAll(async () => {
  client?.close();
  await database?.close();
  await releases?.close();
  await home?.dispose();
});

const create = (): Promise<Body> => client.post('/api/refs', { remote_from: SLUG });
const reference = (id: string): Promise<Body> => client.get(`/api/refs/${id}`);

async function install(): Promise<string> {
  const { id, process } = await create();
  expect(await processEnd(client, process.id)).toMatchObject({ complete: true });
  return id;
}

/** Asks for the update; gives its process. */
async function update(id: string): Promise<string> {
  await client.post(`/api/refs/${id}/updates`, {});
  return (await reference(id)).process.id;
}

/** Lets the release service say nothing to requests with these paths until it publishes anew. */
function hold(path: RegExp): { count(): number } {
  const answer = releases.respond;
  let held = 0;
  releases.respond = (request, response) => {
    if (path.test(request.url ?? '')) held += 1;
    else answer(request, response);
  };
  return { count: () => held };
}

const locks: ClientSession[] = [];

/** Keeps others from changing a reference, or the last of its OTUs, until {@link unlock}. */
async function lock(referenceId: string, what: 'references' | 'otus'): Promise<void> {
  const ofReference = what === 'references' ? { _id: referenceId } : { 'reference.id': referenceId };
  const collection = store.database.db.collection<{ _id: string }>(what);
  const found = await collection.findOne(ofReference as object, { sort: { _id: -1 } });
  const session = database.client.startSession();
  locks.push(session);
  session.startTransaction();
  await collection.updateOne({ _id: found?._id ?? '' }, { $set: { name: 'locked' } } as object, { session });
}

async function unlock(): Promise<void> {
  for (const session of locks) {
    await session.abortTransaction();
    await session.endSession();
  }
}

async function cancelProcess(processId: string): Promise<void> {
  const connection = await Connection.connect({ address: server.temporalAddress });
  await new TemporalClient({ connection }).workflow.getHandle(processWorkflowId(processId)).cancel();
  await connection.close();
}

const untilStep = (processId: string, step: string) =>
  waitFor(async () => (await store.processes.get(processId))?.step === step, `the step ${step}`);
const doneOf = async (processId: string) => (await store.processes.get(processId))?.done ?? 0;

// Each process stands still in another step; the kill meets all of them.
test('kill -9 of the control worker in every step changes no reference in the end', LIMIT, async () => {
  publish(releases, ['v1.4.0', OLD_RELEASE]);
  const [first, ...others] = await Promise.all([install(), install(), install(), install()]);
  const oldContent = await contentOf(store, first);
  const newContent = await contentOf(store, await importReference(client, NEW_RELEASE));
  const [downloading = '', mirroring = '', undoing = ''] = others;
  const ending = first;

  publish(releases, ['v1.5.0', NEW_RELEASE]);
  for (const id of [ending, ...others]) await client.get(`/api/refs/${id}/release`);
  const latest = hold(/latest$/);
  const undoingProcess = await update(undoing);
  await waitFor(() => latest.count() === 1, 'the last step of an update');
  await lock(undoing, 'otus');
  await cancelProcess(undoingProcess);
  const changesOf = (id: string) => store.history.collection.countDocuments({ 'reference.id': id });
  await waitFor(async () => (await changesOf(undoing)) < UNBUILT.new, 'the undoing to begin');
  publish(releases, ['v1.5.0', NEW_RELEASE]);

  const endingProcess = await update(ending);
  await lock(ending, 'references');
  await untilStep(endingProcess, 'update_reference');

  await lock(mirroring, 'otus');
  const mirroringProcess = await update(mirroring);
  await waitFor(async () => (await doneOf(mirroringProcess)) > 0, 'the first batch of the update');
  const files = hold(/^\/files\//);
  const downloadingProcess = await update(downloading);
  await waitFor(() => files.count() === 1, 'the download');
  publish(releases, ['v1.4.0', OLD_RELEASE]);
  const fresh = { downloading: await createHeld(/^\/files\//), ending: await createHeld(/latest$/) };

  const pid = server.child('worker-control');
  process.kill(pid ?? 0, 'SIGKILL');
  await waitFor(() => ![undefined, pid].includes(server.child('worker-control')), 'the worker to start again');
  await unlock();
  publish(releases, ['v1.4.0', OLD_RELEASE], ['v1.5.0', NEW_RELEASE]);

  const ends: [string, string, unknown, number][] = [
    [fresh.downloading.id, fresh.downloading.process.id, oldContent, UNBUILT.old],
    [fresh.ending.id, fresh.ending.process.id, oldContent, UNBUILT.old],
    [downloading, downloadingProcess, newContent, UNBUILT.new],
    [mirroring, mirroringProcess, newContent, UNBUILT.new],
    [ending, endingProcess, newContent, UNBUILT.new],
  ];
  for (const [id, processId, content, unbuilt] of ends) {
    expect(await processEnd(client, processId)).toMatchObject({ complete: true, progress: 1 });
    expect(await contentOf(store, id)).toEqual(content);
    expect(await reference(id)).toMatchObject({ updating: false, unbuilt_change_count: unbuilt });
  }
  const errors = [{ id: 'cancelled', message: 'Cancelled' }];
  expect(await processEnd(client, undoingProcess)).toMatchObject({ complete: false, errors });
  expect(await contentOf(store, undoing)).toEqual(oldContent);
  expect(await reference(undoing)).toMatchObject({ updating: false, installed: { name: 'v1.4.0' } });
  expect(readdirSync(join(home.dataPath, 'downloads'))).toEqual([]);
});

/** Begins an installation whose request to such a path gets no answer. */
async function createHeld(path: RegExp): Promise<Body> {
  const held = hold(path);
  const created = await create();
  await waitFor(() => held.count() === 1, `the request for ${path.source}`);
  publish(releases, ['v1.4.0', OLD_RELEASE]);
  return created;
}

/** Waits until Temporal knows that so many attempts at the running step of a process may have ended with their worker. */
async function untilDeathsKnown(processId: string, deaths: number): Promise<void> {
  const connection = await Connection.connect({ address: server.temporalAddress });
  const handle = new TemporalClient({ connection }).workflow.getHandle(processWorkflowId(processId));
  try {
    await waitFor(async () => {
      const { raw } = await handle.describe();
      const [step] = raw.pendingActivities ?? [];
      return JSON.stringify(step?.heartbeatDetails?.payloads?.map(({ data }) => String(data)) ?? []).includes(
        `\\"deaths\\":${deaths}`,
      );
    }, `the heartbeat of attempt ${deaths}`);
  } finally {
    await connection.close();
  }
}

test(
  'a step that takes the control worker down three times ends its process, and the work of others goes on',
  LIMIT,
  async () => {
    publish(releases, ['v1.4.0', OLD_RELEASE]);
    const { id, process: fatal } = await createHeld(/^\/files\//);
    hold(/^\/files\//);
    const { job } = await makeSubtraction(client);
    for (const deaths of [1, 2, 3]) {
      await untilDeathsKnown(fatal.id, deaths);
      const pid = server.child('worker-control');
      process.kill(pid ?? 0, 'SIGKILL');
      await waitFor(() => ![undefined, pid].includes(server.child('worker-control')), 'the worker to start again');
    }
    const errors = [expect.stringContaining('ended 3 times')];
    expect(await processEnd(client, fatal.id)).toMatchObject({ complete: false, errors });
    expect(await client.send('GET', `/api/refs/${id}`)).toMatchObject({ status: 404 });
    await completeJob(client, job);
  },
);
