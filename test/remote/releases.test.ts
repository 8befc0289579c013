import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Download } from '../../src/contracts/releases.js';
import { createReleaseService } from '../../src/remote/releases.js';
import { testFolder } from '../support/folders.js';
import { githubRelease, type ReleaseServer, sendJson, startReleaseServer } from '../support/release_server.js';
import { waitFor } from '../support/wait.js';

let server: ReleaseServer;
beforeEach(async () => {
  server = await startReleaseServer();
});
afterEach(() => server.close());

const service = (limitMs = 5_000, url = server.url) =>
  createReleaseService({ userAgent: 'virtool/v9.8.7', limitMs }, { githubUrl: `${url}/`, softwareUrl: `${url}/list` });

describe('a release', () => {
  test('is the latest one with its first file', async () => {
    const release = githubRelease('v0.2.1', { url: `${server.url}/files/x`, size: 7 });
    server.respond = (_, response) => sendJson(response, 200, release, { ETag: 'W/"6001"' });
    expect(await service().find('virtool/virtool-hmm')).toEqual({
      ok: true,
      release: {
        id: 6001,
        name: 'v0.2.1',
        body: 'Notes for v0.2.1',
        etag: 'W/"6001"',
        filename: 'hmm.tar.gz',
        size: 7,
        html_url: 'https://example.org/releases/v0.2.1',
        download_url: `${server.url}/files/x`,
        published_at: '2019-06-12T19:20:57Z',
        content_type: 'application/gzip',
      },
    });
    expect(server.asked[0]?.path).toBe('/repos/virtool/virtool-hmm/releases/latest');
    expect(server.asked[0]?.headers).toMatchObject({
      accept: 'application/vnd.github.v3+json',
      'user-agent': 'virtool/v9.8.7',
    });
    expect(server.asked[0]?.headers).not.toHaveProperty('if-none-match');
  });

  test('can be asked for by its id', async () => {
    await service().find('a/b', { id: 11447367 });
    expect(server.asked[0]?.path).toBe('/repos/a/b/releases/11447367');
  });

  test('that is unchanged is none, and its tag is sent as it came', async () => {
    server.respond = (_, response) => response.writeHead(304).end();
    expect(await service().find('a/b', { etag: 'W/"6001"' })).toEqual({ ok: true, release: null });
    expect(server.asked[0]?.headers['if-none-match']).toBe('W/"6001"');
  });

  test('without a file is none', async () => {
    const release = { ...githubRelease('v1', { url: 'https://example.org', size: 1 }), assets: [] };
    server.respond = (_, response) => sendJson(response, 200, release);
    expect(await service().find('a/b')).toEqual({ ok: true, release: null });
  });

  // The name becomes part of an address.
  test('is asked for at the release service, whatever the name of the repository is', async () => {
    await service().find('../x?y/#z');
    expect(server.asked[0]?.path).toMatch(/^\/(repos\/)?.*x%3Fy\/%23z\/releases\/latest$/);
  });

  test.each([
    ['an unknown repository', 404, {}, { reason: 'not_found' }],
    ['a refusal', 403, {}, { reason: 'status', status: 403 }],
    ['an answer of another form', 200, { id: 'x' }, { reason: 'unreadable' }],
    [
      'a file that is not on the web',
      200,
      githubRelease('v1', { url: 'file:///etc/passwd', size: 1 }),
      { reason: 'unreadable' },
    ],
  ])('%s is trouble with a name', async (_, status, body, trouble) => {
    server.respond = (_request, response) => sendJson(response, status, body);
    expect(await service().find('a/b')).toEqual({ ok: false, trouble });
  });

  test('has a checksum where the service tells one', async () => {
    const sha256 = 'a1'.repeat(32);
    const release = githubRelease('v1', { url: `${server.url}/x`, size: 1 });
    const withDigest = (digest: string) => ({ ...release, assets: release.assets.map((one) => ({ ...one, digest })) });
    server.respond = (_, response) => sendJson(response, 200, withDigest(`sha256:${sha256}`));
    expect(await service().find('a/b')).toMatchObject({ release: { sha256 } });
    server.respond = (_, response) => sendJson(response, 200, withDigest('sha512:abc'));
    expect(await service().find('a/b')).not.toHaveProperty('release.sha256');
  });

  // GitHub counts requests by address, so it would answer for no repository.
  test('is asked for by nobody before a limit of requests is over, and then again', async () => {
    const until = new Date((Math.floor(Date.now() / 1000) + 2) * 1000);
    const headers = { 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': String(until.getTime() / 1000) };
    server.respond = (_, response) => sendJson(response, 403, { message: 'API rate limit exceeded' }, headers);
    const github = service();
    for (const slug of ['a/b', 'a/b', 'c/d']) {
      expect(await github.find(slug)).toEqual({ ok: false, trouble: { reason: 'rate_limited', until } });
    }
    expect(server.asked).toHaveLength(1);
    server.respond = (_, response) => response.writeHead(304).end();
    await waitFor(async () => (await github.find('a/b')).ok, 'the end of the limit');
    expect(Date.now()).toBeGreaterThanOrEqual(until.getTime());
    expect(server.asked).toHaveLength(2);
  });

  test.each([
    ['a number of seconds', { 'Retry-After': '120' }, 120],
    ['a moment that is over', { 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': '1' }, 60],
    ['no moment', { 'X-RateLimit-Remaining': '0' }, 60],
    ['a moment in years', { 'Retry-After': '99999999' }, 24 * 3600],
  ])('is asked for after a bounded time when the service names %s', async (_, headers, seconds) => {
    server.respond = (_request, response) => sendJson(response, 429, {}, headers);
    const answer = await service().find('a/b');
    if (answer.ok || answer.trouble.reason !== 'rate_limited') throw new Error('not limited');
    const pauseS = (answer.trouble.until.getTime() - Date.now()) / 1000;
    expect(Math.abs(pauseS - seconds)).toBeLessThan(5);
  });

  test.each([
    ['never answers', () => undefined],
    ['closes the connection', (response: import('node:http').ServerResponse) => response.destroy()],
    [
      'stops in the middle',
      (response: import('node:http').ServerResponse) => {
        response.writeHead(200, { 'Content-Length': '100' });
        response.write('{');
      },
    ],
  ])('of a service that %s cannot be reached', async (_, answer) => {
    server.respond = (_request, response) => void answer(response);
    expect(await service(200).find('a/b')).toEqual({ ok: false, trouble: { reason: 'unreachable' } });
  });

  test('of a service that is not there cannot be reached', async () => {
    await server.close();
    expect(await service().find('a/b')).toEqual({ ok: false, trouble: { reason: 'unreachable' } });
    server = await startReleaseServer();
  });
});

test('the releases of the server are listed with all their fields', async () => {
  server.respond = (_, response) => sendJson(response, 200, { virtool: [{ name: 'v3.7.4', size: 5 }], other: [] });
  expect(await service().listSoftware()).toEqual({ ok: true, releases: [{ name: 'v3.7.4', size: 5 }] });
  server.respond = (_, response) => void response.end('<html>');
  expect(await service().listSoftware()).toEqual({ ok: false, trouble: { reason: 'unreadable' } });
});

describe('a download', () => {
  const content = Buffer.alloc(300_000, 'x');
  const download = (changes: Partial<Download> = {}): Download => ({
    url: `${server.url}/file`,
    path: join(testFolder(), 'file'),
    limitBytes: 1e6,
    signal: new AbortController().signal,
    onBytes: () => undefined,
    ...changes,
  });

  test('brings the file and tells how far it is', async () => {
    server.respond = (_, response) => void response.end(content);
    const counts: number[] = [];
    const wanted = download({ onBytes: (bytes) => counts.push(bytes) });
    expect(await service().download(wanted)).toEqual({ ok: true, bytes: content.length });
    expect(readFileSync(wanted.path).equals(content)).toBe(true);
    expect(counts.at(-1)).toBe(content.length);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
  });

  test('follows to where the file lies', async () => {
    server.respond = ({ url }, response) => {
      if (url === '/file') response.writeHead(302, { Location: '/elsewhere' }).end();
      else response.end(content);
    };
    expect(await service().download(download())).toMatchObject({ ok: true });
  });

  test('ends when more comes than is allowed', async () => {
    server.respond = (_, response) => void response.end(content);
    const outcome = await service().download(download({ limitBytes: 1_000 }));
    expect(outcome).toEqual({ ok: false, trouble: { reason: 'too_large' } });
  });

  test.each([
    [404, { reason: 'not_found' }],
    [500, { reason: 'status', status: 500 }],
    [206, { reason: 'status', status: 206 }],
  ])('needs the status 200, not %s', async (status, trouble) => {
    server.respond = (_, response) => sendJson(response, status, {});
    expect(await service().download(download())).toEqual({ ok: false, trouble });
  });

  test('that is cut is trouble, not a shorter file', async () => {
    server.respond = (_, response) => {
      response.writeHead(200, { 'Content-Length': String(content.length) });
      response.write(content.subarray(0, 1000), () => response.destroy());
    };
    expect(await service().download(download())).toEqual({ ok: false, trouble: { reason: 'unreachable' } });
  });

  test('that stands still is given up', async () => {
    server.respond = (_, response) => void response.write(content.subarray(0, 1000));
    expect(await service(200).download(download())).toEqual({ ok: false, trouble: { reason: 'unreachable' } });
  });

  test('that is aborted throws the reason', async () => {
    const stop = new AbortController();
    server.respond = (_, response) => void response.write(content.subarray(0, 1000));
    const onBytes = () => stop.abort(new Error('enough'));
    await expect(service().download(download({ signal: stop.signal, onBytes }))).rejects.toThrow('enough');
  });

  test('throws what the disk says', async () => {
    server.respond = (_, response) => void response.end(content);
    const wanted = download({ path: join(testFolder(), 'missing', 'file') });
    await expect(service().download(wanted)).rejects.toThrow('ENOENT');
  });
});
