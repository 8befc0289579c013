import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { type Db, MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NO_MOUNT, smallDisk } from '../support/small_disk.js';
import { waitFor } from '../support/wait.js';
import {
  type Body,
  badFile,
  type Client,
  completeJob,
  demoFile,
  jobEnd,
  lastState,
  processEnd,
  signIn,
} from './client.js';
import { createHome, type Home, type RunningServer, startServer } from './support.js';
import { makeSample, makeSubtraction } from './walk.js';

const LIMIT = { timeout: 60_000 };
const LIMITS = ['--proc=2', '--mem=4', '--sm-proc=1', '--sm-mem=2', '--lg-proc=2', '--lg-mem=4'];

let home: Home;
let server: RunningServer;
let client: Client;
let mongo: MongoClient;
let db: Db;

beforeAll(async () => {
  home = createHome();
  server = await startServer(home, LIMITS);
  client = await signIn(server.url);
  mongo = await MongoClient.connect(server.mongoUrl);
  db = mongo.db('virtool');
  await completeJob(client, (await makeSubtraction(client)).job);
}, LIMIT.timeout);

afterAll(async () => {
  client?.close();
  await mongo?.close();
  await home?.dispose();
});

const onDisk = (name: string) =>
  existsSync(join(home.dataPath, name)) ? readdirSync(join(home.dataPath, name)).sort() : [];
const count = (name: string) => db.collection(name).countDocuments();
const isFree = async (file: string) =>
  (await client.get('/api/files?per_page=500')).documents.some(({ id, ready }: Body) => id === file && ready);

/** The error with which a job refused its input. */
async function refusal(job: string): Promise<Body> {
  const ended = await jobEnd(client, job);
  expect(lastState(ended)).toBe('error');
  expect(ended.status.filter(({ state }: Body) => state === 'error')).toHaveLength(1);
  const { error } = ended.status.at(-1);
  expect(error).toMatchObject({ class: 'invalid_input', advice: expect.stringMatching(/\w.*\.$/) });
  expect(error.details[0]).toMatch(/\w/);
  // Paths of the server are nobody's business.
  expect(JSON.stringify(error)).not.toContain(home.folder);
  return error;
}

describe('reads', () => {
  test.each([
    ['reads_text_inside.fq.gz', /record 1\b|line 1\b/i],
    ['reads_fasta.fq.gz', /line 1\b|record 1\b/i],
    ['reference_empty.json.gz', /empty/],
    ['reads_truncated.fq.gz', /cut|damaged/],
    ['reads_damaged.fq.gz', /cut|damaged/],
    ['reads_quality_length.fq.gz', /quality/i],
  ])(
    '%s are refused in one sentence that names the upload, and nothing of the sample stays',
    LIMIT,
    async (name, sentence) => {
      const { id, job, file } = await makeSample(client, `Bad ${name}`, badFile(name));
      const error = await refusal(job);
      expect(error.details[0]).toMatch(sentence);
      expect(error.details[0]).toContain(`Bad ${name}`);
      expect((await client.send('GET', `/api/samples/${id}`)).status).toBe(404);
      expect([await count('samples'), onDisk('samples')]).toEqual([0, []]);
      expect(await isFree(file)).toBe(true);
    },
  );
});

describe('host genomes', () => {
  test.each([
    ['host_all_n.fa.gz', /only ambiguous bases/],
    ['host_headers_only.fa.gz', /sequence|empty/i],
    ['host_empty_inside.fa.gz', /empty/i],
    ['reads_good.fq.gz', /FASTA|line 1/],
    ['reads_truncated.fq.gz', /damaged|cut/],
  ])('%s is refused in one sentence, and nothing of the subtraction stays', LIMIT, async (name, sentence) => {
    const file = await client.upload('subtraction', name, badFile(name));
    const { job } = await client.post('/api/subtractions', { subtraction_id: 'Bad', file_id: file });
    const error = await refusal(job.id);
    expect([...error.details, error.advice].join(' ')).toMatch(sentence);
    expect((await client.send('GET', '/api/subtractions/Bad')).status).toBe(404);
    expect([await count('subtraction'), onDisk('subtractions')]).toEqual([1, [expect.any(String)]]);
    expect(await isFree(file)).toBe(true);
  });
});

describe('references', () => {
  test.each([
    ['reference_not_gzip.json.gz', 'not_gzipped', /gzip/],
    ['reference_truncated.json.gz', 'unhandled', /damaged or cut/],
    ['reference_cut_json.json.gz', 'json_error', /JSON/],
    ['reference_empty.json.gz', 'json_error', /JSON/],
    ['reference_duplicate_ids.json.gz', 'duplicate_ids', /duplicate/i],
    ['reference_duplicate_names.json.gz', 'duplicate_names', /duplicate/i],
  ])('%s gives one error %s, and nothing of it is imported', LIMIT, async (name, id, sentence) => {
    const file = await client.upload('reference', name, badFile(name));
    const reference = await client.post('/api/refs', { name, import_from: file });
    const ended = await processEnd(client, reference.process.id);
    expect(ended.complete).toBe(false);
    expect(ended.errors).toEqual([expect.objectContaining({ id, message: expect.stringMatching(sentence) })]);
    expect([await count('otus'), await count('sequences'), await count('history')]).toEqual([0, 0, 0]);
    expect(await isFree(file)).toBe(true);
  });
});

test('an upload that breaks off leaves no document and no file', LIMIT, async () => {
  const before = [await count('files'), onDisk('files')];
  const boundary = 'sixty-six';
  const upload = request(new URL('/upload/reads?name=cut.fq.gz', server.url), {
    method: 'POST',
    headers: {
      Cookie: client.cookies(),
      'Content-Type': `multipart/form-data; boundary=${boundary}`,
      'Content-Length': 50_000_000,
    },
  });
  upload.on('error', () => undefined);
  const closed = new Promise((resolve) => upload.once('close', resolve));
  upload.write(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="cut.fq.gz"\r\n\r\n`);
  upload.write(readFileSync(demoFile('single_small.fq.gz')));
  await waitFor(() => onDisk('files/.incoming').length > 0, 'the first bytes to arrive');
  expect(await count('files')).toBe(Number(before[0]) + 1);
  upload.destroy();
  await closed;
  await waitFor(async () => (await count('files')) === before[0], 'the document to go');
  expect(onDisk('files/.incoming')).toEqual([]);
  expect(onDisk('files').filter((name) => name !== '.incoming')).toEqual(
    (before[1] as string[]).filter((name) => name !== '.incoming'),
  );
  const about = client.messages.filter(({ interface: name, data }) => name === 'files' && data.name === 'cut.fq.gz');
  expect(about.every(({ data }) => data.ready === false)).toBe(true);
});

describe('a full disk', () => {
  test('ends an upload with 507, and nothing of it stays', LIMIT, async (context) => {
    using disk = smallDisk(join(home.dataPath, 'files'), '600k');
    if (!disk) return context.skip(NO_MOUNT);
    const before = await count('files');
    const form = new FormData();
    form.append('file', new Blob([readFileSync(demoFile('single_small.fq.gz'))]));
    const response = await fetch(new URL('/upload/reads?name=large.fq.gz', server.url), {
      method: 'POST',
      headers: { Cookie: client.cookies() },
      body: form,
    });
    expect(response.status).toBe(507);
    expect(await response.json()).toEqual({
      id: 'insufficient_storage',
      message: 'The disk of the server is full',
    });
    expect(await count('files')).toBe(before);
    expect(onDisk('files').filter((name) => name !== '.incoming')).toEqual([]);
    expect(onDisk('files/.incoming')).toEqual([]);
  });

  test('ends a job with its cause and the cure, and nothing of the sample stays', LIMIT, async (context) => {
    using disk = smallDisk(join(home.dataPath, 'samples'), '600k');
    if (!disk) return context.skip(NO_MOUNT);
    const { id, job, file } = await makeSample(client, 'Large');
    const ended = await jobEnd(client, job);
    expect(lastState(ended)).toBe('error');
    expect(ended.status.at(-1).error).toMatchObject({
      class: 'out_of_disk',
      step: 'copy_files',
      advice: expect.stringMatching(/free space/),
    });
    expect((await client.send('GET', `/api/samples/${id}`)).status).toBe(404);
    expect(onDisk('samples')).toEqual([]);
    expect(await isFree(file)).toBe(true);
  });
});

test('after all the refusals good reads still become a sample', LIMIT, async () => {
  const { id, job } = await makeSample(client, 'Good', badFile('reads_good.fq.gz'));
  await completeJob(client, job);
  expect(await client.get(`/api/samples/${id}`)).toMatchObject({ imported: false, quality: { count: 400 } });
  expect(home.tools()).toEqual([]);
});
