import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startReleaseServer } from '../../src/demo/release_server.js';
import { createRemoteServices } from '../../src/remote/index.js';
import { testFolder } from '../support/folders.js';
import { DATA } from './recorded.js';

const ARCHIVE = join(DATA, 'hmm-small.tar.gz');
const hashOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

test("the server's own client finds the release and downloads its archive", async () => {
  const server = await startReleaseServer(ARCHIVE);
  onTestFinished(() => server.close());
  const addresses = { githubUrl: server.url, softwareUrl: server.url, blastUrl: server.url, genbankUrl: server.url };
  const { releases } = createRemoteServices({ userAgent: 'test' }, addresses);
  const answer = await releases.find('virtool/virtool-hmm');
  const release = answer.ok ? answer.release : null;
  expect(release).toMatchObject({ name: 'demo', size: readFileSync(ARCHIVE).length });
  const path = join(testFolder(), 'hmm.tar.gz');
  const signal = new AbortController().signal;
  const download = { url: release!.download_url, path, limitBytes: release!.size, signal, onBytes: () => undefined };
  expect(await releases.download(download)).toEqual({ ok: true, bytes: release!.size });
  expect(hashOf(path)).toBe(hashOf(ARCHIVE));
  expect((await fetch(`${server.url}/etc/passwd`)).status).toBe(404);
  expect((await fetch(`${server.url}/hmm.tar.gz`, { method: 'POST' })).status).toBe(404);
});

test('it listens on this machine only, and not at all when it is closed', async () => {
  const server = await startReleaseServer(ARCHIVE);
  expect(new URL(server.url).hostname).toBe('127.0.0.1');
  await server.close();
  await expect(fetch(server.url)).rejects.toThrow();
});

test('without an archive it says so', async () => {
  await expect(startReleaseServer(join(DATA, 'none.tar.gz'))).rejects.toThrow('The HMM data of the demo are missing');
});
