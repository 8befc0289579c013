import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readRange } from '../../../src/api/downloads/file_response.js';
import { type Laboratory, laboratory } from '../../support/laboratory.js';

const READS = '0123456789';

let lab: Laboratory;
let sampleId: string;
beforeAll(async () => {
  lab = await laboratory();
  await lab.addHost('Vitis');
  const files = [await lab.upload('reads', 'a.fq')];
  sampleId = (await lab.send('head', 'POST', '/api/samples', { name: 'A/B 1', subtraction: 'Vitis', files })).body.id;
  await mkdir(lab.data.sample(sampleId), { recursive: true });
  await writeFile(join(lab.data.sample(sampleId), 'reads_1.fq.gz'), READS);
  await writeFile(join(lab.data.sample(sampleId), 'reads_2.fastq'), 'legacy');
  await writeFile(join(lab.data.sample(sampleId), 'secret.fq.gz'), 'secret');
});
afterAll(() => lab.dispose());

const get = (name: string, headers: Record<string, string> = {}, method = 'GET', user = 'head') =>
  lab.send(user, method, `/download/samples/${sampleId}/${name}`, undefined, headers);

test('reads come with length and type, whatever stands before the number', async () => {
  for (const name of ['anything_1.fq.gz', 'A%2FB_1_1.fastq.gz', '_1.fq.gz', 'a_2_1.fq.gz', '..%2F..%2Fx_1.fq.gz']) {
    const answer = await get(name);
    expect(answer).toMatchObject({ status: 200, body: READS });
    expect(answer.headers.get('Content-Type')).toBe('application/gzip');
    expect(answer.headers.get('Content-Length')).toBe('10');
    expect(answer.headers.get('Accept-Ranges')).toBe('bytes');
    expect(answer.headers.get('Content-Disposition')).toBeNull();
  }
  expect((await get('old_2.fastq')).body).toBe('legacy');
  expect((await get('old_2.fq')).body).toBe('legacy');
});

test.each(['a_1.fastq', 'a_2.fq.gz', 'a_3.fq.gz', 'a_1.txt', 'a_..%2Fsecret.fq.gz', 'secret.fq.gz'])(
  '%s is not found',
  async (name) => {
    expect(await get(name)).toMatchObject({ status: 404, body: { id: 'not_found', message: 'Not found' } });
  },
);

test('an unknown sample is not found', async () => {
  expect((await lab.send('head', 'GET', '/download/samples/unknown1/a_1.fq.gz')).status).toBe(404);
});

test('a browser that follows a dead link gets a page', async () => {
  const answer = await get('a_3.fq.gz', { Accept: 'text/html,*/*;q=0.8' });
  expect(answer.status).toBe(404);
  expect(answer.headers.get('Content-Type')).toContain('text/html');
});

test.each([
  ['bytes=2-4', '234', 'bytes 2-4/10'],
  ['bytes=7-', '789', 'bytes 7-9/10'],
  ['bytes=-3', '789', 'bytes 7-9/10'],
  ['bytes=0-999', READS, 'bytes 0-9/10'],
])('%s gives those bytes', async (range, content, contentRange) => {
  const answer = await get('a_1.fq.gz', { Range: range });
  expect(answer).toMatchObject({ status: 206, body: content });
  expect(answer.headers.get('Content-Range')).toBe(contentRange);
  expect(answer.headers.get('Content-Length')).toBe(String(content.length));
});

test('a range behind the end is refused with the length', async () => {
  const answer = await get('a_1.fq.gz', { Range: 'bytes=10-' });
  expect(answer.status).toBe(416);
  expect(answer.headers.get('Content-Range')).toBe('bytes */10');
});

test('a broken-off download goes on only while the file is the same', async () => {
  const etag = (await get('a_1.fq.gz')).headers.get('ETag') ?? '';
  expect((await get('a_1.fq.gz', { Range: 'bytes=5-', 'If-Range': etag })).body).toBe('56789');
  expect(await get('a_1.fq.gz', { Range: 'bytes=5-', 'If-Range': '"other"' })).toMatchObject({
    status: 200,
    body: READS,
  });
});

test('HEAD tells the length without the bytes', async () => {
  const answer = await get('a_1.fq.gz', {}, 'HEAD');
  expect(answer).toMatchObject({ status: 200, body: '' });
  expect(answer.headers.get('Content-Length')).toBe('10');
});

// The old server gave everybody's reads to everybody.
test('downloading needs the right to read the sample', async () => {
  expect((await get('a_1.fq.gz', {}, 'GET', 'anna')).status).toBe(200);
  await lab.send('head', 'PATCH', `/api/samples/${sampleId}/rights`, { all_read: false });
  expect(await get('a_1.fq.gz', {}, 'GET', 'anna')).toMatchObject({ status: 403, body: { id: 'insufficient_rights' } });
});

describe('ranges', () => {
  test.each([undefined, '', 'bytes', 'bytes=-', 'bytes=a-b', 'items=0-1', 'bytes=0-1,3-4', 'bytes=5-2'])(
    '%j is no range, so the whole is sent',
    (header) => {
      expect(readRange(header, 10)).toBeUndefined();
    },
  );

  test('an empty file has no ranges', () => {
    expect(readRange('bytes=0-', 0)).toBe('unsatisfiable');
    expect(readRange('bytes=-5', 0)).toBe('unsatisfiable');
    expect(readRange('bytes=-0', 10)).toBe('unsatisfiable');
  });
});
