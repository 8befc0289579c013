import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type Db, MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../support/wait.js';
import { cancel, cancelInTime } from './cancel.js';
import { type Body, type Client, completeJob, demoFile, jobEnd, jobWhen, lastState, signIn } from './client.js';
import { createHome, type Home, type RunningServer, startServer } from './support.js';
import { analyse, makeSample, type Prepared, prepare } from './walk.js';

const LIMIT = { timeout: 90_000 };
// A job of either size fills the host, so a second one has to wait.
const LIMITS = ['--proc=2', '--mem=4', '--lg-proc=2', '--lg-mem=4', '--sm-proc=2', '--sm-mem=4'];

let home: Home;
let server: RunningServer;
let client: Client;
let mongo: MongoClient;
let db: Db;
let prepared: Prepared;
const bigHost = gzipSync(randomFasta(20_000_000), { level: 1 });
// Not compressed, so that the import has to do it.
const plainReads = Buffer.concat(Array(8).fill(gunzipSync(readFileSync(demoFile('single_small.fq.gz')))));

beforeAll(async () => {
  home = createHome();
  server = await startServer(home, LIMITS);
  client = await signIn(server.url);
  mongo = await MongoClient.connect(server.mongoUrl);
  db = mongo.db('virtool');
  prepared = await prepare(client);
}, LIMIT.timeout);

afterAll(async () => {
  client?.close();
  await mongo?.close();
  await home?.dispose();
});

// bowtie2-build needs about half a minute for it, so the build is surely running when the cancel comes.
function randomFasta(bases: number): Buffer {
  let state = 20190911;
  const sequence = Buffer.alloc(bases);
  for (let i = 0; i < bases; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    sequence[i] = 'ACGT'.charCodeAt(state >>> 30);
  }
  return Buffer.concat([Buffer.from('>host\n'), sequence, Buffer.from('\n')]);
}

async function postSubtraction(name: string): Promise<{ file: string; job: string }> {
  const file = await client.upload('subtraction', 'big.fa.gz', bigHost);
  const { job } = await client.post('/api/subtractions', { subtraction_id: name, file_id: file });
  return { file, job: job.id };
}

const runs = (tool: RegExp) => home.tools().some(({ command }) => tool.test(command));
const runsIn = (stage: string) => (job: Body) => job.status.at(-1).stage === stage;
const isReserved = async (file: string) =>
  (await client.get('/api/files?per_page=500')).documents.every(({ id }: Body) => id !== file);
const folders = (name: string) => (existsSync(join(home.dataPath, name)) ? readdirSync(join(home.dataPath, name)) : []);

test.each(['unpack', 'set_stats', 'bowtie_build'])(
  'a subtraction cancelled in %s is gone, its upload is free',
  LIMIT,
  async (stage) => {
    const before = folders('subtractions');
    const { file, job } = await postSubtraction('Doomed');
    await jobWhen(client, job, runsIn(stage), stage);
    expect(await isReserved(file)).toBe(true);
    if (stage === 'bowtie_build') await waitFor(() => runs(/bowtie2-build/), 'bowtie2-build');
    await cancelInTime(home, client, job);
    expect((await client.send('GET', '/api/subtractions/Doomed')).status).toBe(404);
    expect(folders('subtractions')).toEqual(before);
    expect(await isReserved(file)).toBe(false);
  },
);

test.each([['copy_files', 'pigz']])(
  'a sample cancelled in %s is gone, even when %s hangs, and its upload is free',
  LIMIT,
  async (stage, program) => {
    const { id, job, file } = await makeSample(client, `Doomed ${stage}`, plainReads);
    await jobWhen(client, job, runsIn(stage), stage);
    await waitFor(() => home.hang(program).length > 0, program);
    await cancelInTime(home, client, job);
    expect((await client.send('GET', `/api/samples/${id}`)).status).toBe(404);
    expect(folders('samples')).toEqual([prepared.sample]);
    expect(await isReserved(file)).toBe(false);
  },
);

test.each([
  ['prepare_reads', /skewer/],
  ['prepare_reads', /gzip|pigz/],
  ['build_isolate_index', /bowtie2-build/],
  ['map_isolates', /bowtie2-align/],
])(
  'Pathoscope cancelled in %s leaves no analysis, no unfinished cache and the sample as it was',
  LIMIT,
  async (stage, tool) => {
    const { id, job } = await analyse(client, prepared);
    await jobWhen(client, job, runsIn(stage), stage);
    await waitFor(() => runs(tool), String(tool));
    await cancelInTime(home, client, job);
    expect((await client.send('GET', `/api/analyses/${id}`)).status).toBe(404);
    expect(folders(join('samples', prepared.sample, 'analysis'))).toEqual([]);
    expect(await client.get(`/api/samples/${prepared.sample}`)).toMatchObject({ pathoscope: false });
    const caches = await db.collection<{ _id: string; ready: boolean }>('caches').find().toArray();
    expect(caches.filter(({ ready }) => !ready)).toEqual([]);
    expect(folders('caches')).toEqual(caches.map(({ _id }) => _id));
    expect(folders('caches').filter((name) => name.includes('.partial'))).toEqual([]);
  },
);

test('a waiting job is cancelled without having run, and the one before it goes on', LIMIT, async () => {
  const running = await postSubtraction('Running');
  await jobWhen(client, running.job, runsIn('bowtie_build'), 'bowtie_build');
  const waiting = await makeSample(client, 'Waiting');
  const { status } = await client.get(`/api/jobs/${waiting.job}`);
  expect(status.map(({ state }: Body) => state)).toEqual(['waiting']);
  const answer = await cancel(client, waiting.job);
  expect([answer.status, lastState(answer.body)]).toEqual([200, 'cancelled']);
  const ended = await jobEnd(client, waiting.job);
  expect(ended.status.map(({ state }: Body) => state)).toEqual(['waiting', 'cancelled']);
  expect((await client.send('GET', `/api/samples/${waiting.id}`)).status).toBe(404);
  expect(await isReserved(waiting.file)).toBe(false);
  expect(lastState(await client.get(`/api/jobs/${running.job}`))).toBe('running');
  await cancelInTime(home, client, running.job);
});

test('a cancel right behind the request finds the job, and a second cancel is refused', LIMIT, async () => {
  const { job } = await analyse(client, prepared);
  await cancelInTime(home, client, job);
  const again = await cancel(client, job);
  expect(again).toMatchObject({ status: 409, body: { id: 'conflict', message: 'Not cancellable' } });
  expect((await client.get(`/api/jobs/${job}`)).status.filter(({ state }: Body) => state === 'cancelled')).toHaveLength(
    1,
  );
});

test('after all the cancels the host is free and the next job completes', LIMIT, async () => {
  const { id, job } = await makeSample(client, 'Survivor');
  await completeJob(client, job);
  expect(await client.get(`/api/samples/${id}`)).toMatchObject({ imported: false, quality: { count: 10_000 } });
});
