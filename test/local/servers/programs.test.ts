import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import type { LocalError } from '../../../src/local/errors.js';
import { checkoutCache } from '../../../src/local/install/cache.js';
import { findMongo } from '../../../src/local/servers/mongo/programs.js';
import { findTemporal } from '../../../src/local/servers/temporal/programs.js';
import { testFolder } from '../../support/folders.js';
import { listener, onlyOnPath, writeProgram } from '../support.js';

afterEach(() => vi.unstubAllEnvs());

test('a mongod on PATH comes before everything that would be downloaded', async () => {
  const path = writeProgram(onlyOnPath(), 'mongod', 'echo "db version v8.0.4"');
  const { logger } = listener();
  expect(await findMongo({ cachePath: testFolder(), logger })).toEqual({
    kind: 'mongod',
    version: '8.0.4',
    path,
    source: 'PATH',
  });
});

test('each step that fails says why in one line, and the next one is tried', async () => {
  writeProgram(onlyOnPath(), 'mongod', 'echo "db version v4.2.1"');
  vi.stubEnv('MONGOMS_RUNTIME_DOWNLOAD', 'false');
  const { logger, lines } = listener();
  const found = await findMongo({ cachePath: checkoutCache(), logger });
  expect(found).toMatchObject({ kind: 'secantusdb', source: 'Python package' });
  expect(lines).toEqual([
    expect.stringMatching(/^MongoDB: .*\/mongod is 4\.2\.1, at least 5\.0 is needed; looking further$/),
    'MongoDB: the official download is switched off; looking further',
    'MongoDB: no secantusd-rs on PATH; looking further',
  ]);
});

test('when no server can be had, the message says what to do by hand', async () => {
  onlyOnPath();
  vi.stubEnv('MONGOMS_RUNTIME_DOWNLOAD', 'false');
  const setting = { cachePath: testFolder(), logger: listener().logger };
  const [mongo, temporal] = await Promise.all([
    findMongo(setting).catch((error: LocalError) => error.text()),
    findTemporal(setting).catch((error: LocalError) => error.text()),
  ]);
  expect(mongo).toMatch(/no mongod on PATH; .*python3 is not on PATH: apt-get install python3/);
  expect(mongo).toContain('--db mongodb://HOST:PORT');
  expect(temporal).toContain('python3 is not on PATH');
  expect(temporal).toContain('--temporal-address HOST:PORT');
});

test('without network the message says so', async () => {
  vi.stubEnv('PIP_INDEX_URL', 'http://127.0.0.1:9/simple');
  vi.stubEnv('PIP_FIND_LINKS', '');
  vi.stubEnv('HTTPS_PROXY', '');
  const error = await findTemporal({ cachePath: testFolder(), logger: listener().logger }).catch((reason) => reason);
  expect(error.message).toContain('the Python package index cannot be reached');
});

test('an address that was out of reach is not asked again the same day', async () => {
  onlyOnPath();
  const cachePath = testFolder();
  mkdirSync(join(cachePath, 'mongodb-official'));
  const record = { failedAt: Date.now() - 60_000, reason: 'remembered reason' };
  writeFileSync(join(cachePath, 'mongodb-official', 'record.json'), JSON.stringify(record));
  await expect(findMongo({ cachePath, logger: listener().logger })).rejects.toThrow('remembered reason');
});

// A mirror with an archive of the official form, but with a program in it that only tells its version.
test('the official program is downloaded once and kept', async () => {
  const folder = testFolder();
  mkdirSync(join(folder, 'mongodb-linux', 'bin'), { recursive: true });
  writeProgram(join(folder, 'mongodb-linux', 'bin'), 'mongod', 'echo "db version v8.2.6"');
  execFileSync('tar', ['-czf', 'archive.tgz', 'mongodb-linux'], { cwd: folder });
  const archive = readFileSync(join(folder, 'archive.tgz'));
  const asked: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    response.end(url.endsWith('.md5') ? `${createHash('md5').update(archive).digest('hex')}  x.tgz` : archive);
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('MONGOMS_DOWNLOAD_MIRROR', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('HTTPS_PROXY', '');
  vi.stubEnv('HTTP_PROXY', '');
  vi.stubEnv('MONGOMS_USE_HTTP', 'true');
  onlyOnPath();
  const setting = { cachePath: testFolder(), logger: listener().logger };
  const found = await findMongo(setting);
  expect(found).toMatchObject({ kind: 'mongod', version: '8.2.6', source: 'official download' });
  expect(found.path.startsWith(setting.cachePath)).toBe(true);
  expect(asked.some((url) => url.endsWith('.tgz'))).toBe(true);
  asked.length = 0;
  expect(await findMongo(setting)).toEqual(found);
  expect(asked).toEqual([]);
});

test('when nothing at all could be had, the next start tries the download again', async () => {
  onlyOnPath();
  vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:9');
  const cachePath = testFolder();
  await expect(findMongo({ cachePath, logger: listener().logger })).rejects.toThrow('the proxy does not answer');
  expect(existsSync(join(cachePath, 'mongodb-official', 'record.json'))).toBe(false);
});
