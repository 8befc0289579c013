import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SampleDocument } from '../../src/store/samples/samples.js';
import { badFile, type Client, completeJob, demoFile, jobEnd, jobWhen, signIn } from './client.js';
import { createHome, type Home, type RunningServer, startServer } from './support.js';
import { analyse, makeSample, type Prepared, prepare } from './walk.js';

const LIMIT = { timeout: 180_000 };
const LIMITS = ['--proc=2', '--mem=4', '--lg-proc=2', '--lg-mem=4', '--sm-proc=2', '--sm-mem=4'];

let home: Home;
let server: RunningServer;
let client: Client;
let prepared: Prepared;

beforeAll(async () => {
  home = createHome();
  server = await startServer(home, LIMITS);
  client = await signIn(server.url);
  prepared = await prepare(client);
}, LIMIT.timeout);

afterAll(async () => {
  client?.close();
  await home?.dispose();
});

const folderOf = (sample: string) => join(home.dataPath, 'samples', sample);

/** A sample with its files and its document as releases before 3.4 have left them. */
async function makeOldSample(): Promise<string> {
  const { id, job } = await makeSample(client, 'Old');
  await completeJob(client, job);
  const folder = folderOf(id);
  writeFileSync(join(folder, 'reads_1.fastq'), gunzipSync(readFileSync(join(folder, 'reads_1.fq.gz'))));
  for (const name of ['reads_1.fq.gz', 'qualities.json', 'checksums.json']) rmSync(join(folder, name));
  const mongo = await MongoClient.connect(server.mongoUrl);
  const name = 'reads_1.fastq';
  const file = { name, download_url: `/download/samples/${id}/${name}`, size: null, raw: false };
  const samples = mongo.db('virtool').collection<SampleDocument>('samples');
  await samples.updateOne({ _id: id }, {
    $set: { files: [{ ...file, from: { id: 'old', name: 'old.fq', size: 1 } }], imported: true },
    $unset: { phred: '', unique_names: '', warnings: '', notes: '' },
  } as object);
  await mongo.close();
  return id;
}

async function replace(sample: string, path: string): Promise<string> {
  const form = new FormData();
  form.append('file', new Blob([readFileSync(path)]));
  const url = new URL(`/upload/samples/${sample}/files/1?name=new.fq.gz`, server.url);
  const answer = await fetch(url, { method: 'POST', body: form, headers: { Cookie: client.cookies() } });
  expect(answer.status).toBe(201);
  return (await client.get(`/api/samples/${sample}`)).update_job.id;
}

async function resultsOf(sample: string): Promise<unknown> {
  const { id, job } = await analyse(client, { ...prepared, sample });
  await completeJob(client, job);
  const { results, read_count, cache } = await client.get(`/api/analyses/${id}`);
  expect(cache).toBeDefined();
  return { results, read_count };
}

test('the reads of an old sample are replaced through kill -9, and refused reads change nothing', LIMIT, async () => {
  const sample = await makeOldSample();
  const former = await analyse(client, { ...prepared, sample });
  await completeJob(client, former.job);
  const before = await client.get(`/api/samples/${sample}`);
  const filesBefore = readdirSync(folderOf(sample)).sort();

  const refused = await jobEnd(client, await replace(sample, badFile('reads_illegal_bases.fq.gz')));
  expect(refused.status.at(-1)).toMatchObject({ state: 'error', stage: 'fastqc', error: { class: 'invalid_input' } });
  const { files, ...unchanged } = await client.get(`/api/samples/${sample}`);
  expect({ ...unchanged, files: [{ ...files[0], replacement: undefined }] }).toEqual(before);
  expect(
    readdirSync(folderOf(sample))
      .filter((name) => name !== 'checksums.json')
      .sort(),
  ).toEqual(filesBefore.filter((name) => name !== 'checksums.json'));

  const job = await replace(sample, demoFile('single_small.fq.gz'));
  await jobWhen(client, job, ({ status }) => status.length > 1, 'its first step');
  process.kill(server.child('worker-tools') as number, 'SIGKILL');
  await completeJob(client, job);
  const after = await client.get(`/api/samples/${sample}`);
  expect(after).toMatchObject({
    ...{ prune: true, phred: { offset: 33 }, quality: { count: 10_000 } },
    files: [{ name: 'Old_1.fq.gz', raw: true, from: { name: 'new.fq.gz' } }],
    caches: [{ legacy: true, ready: true, files: [{ name: 'reads_1.fq.gz' }] }],
  });
  expect(after).not.toHaveProperty('update_job');
  expect((await client.get(`/api/analyses/${former.id}`)).cache).toEqual({ id: after.caches[0].id });
  expect(await resultsOf(sample)).toEqual(await resultsOf(prepared.sample));
});
