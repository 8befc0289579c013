import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { pino } from 'pino';
import { expect, inject, onTestFinished, test } from 'vitest';
import { LocalError, type ServerOptions, startServers } from '../../../src/local/index.js';
import { freePort } from '../../../src/local/machine/ports.js';
import { testFolder } from '../../support/folders.js';

const logger = pino({ level: 'silent' });

async function start(options: Partial<ServerOptions> = {}) {
  const servers = await startServers({ dataPath: testFolder(), logger, ...options });
  onTestFinished(servers.stop);
  return servers;
}

async function refusal(options: Partial<ServerOptions>): Promise<string> {
  const error = await start(options).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(LocalError);
  return (error as LocalError).text();
}

/** Addresses of the run's servers, so that a test of one server need not start the other. */
function given() {
  return { mongoUrl: inject('mongoUrl'), temporalAddress: inject('temporalAddress') };
}

test('what is written is there after an orderly end, with another port at the next start', async () => {
  const dataPath = testFolder();
  const { temporalAddress } = given();
  const first = await startServers({ dataPath, temporalAddress, logger });
  const write = await MongoClient.connect(first.mongoUrl);
  await write.db('kept').collection('things').insertOne({ name: 'a' });
  await write.close();
  await first.stop();
  const second = await startServers({ dataPath, temporalAddress, logger });
  onTestFinished(second.stop);
  const read = await MongoClient.connect(second.mongoUrl);
  onTestFinished(() => read.close());
  expect(await read.db('kept').collection('things').countDocuments({ name: 'a' })).toBe(1);
  expect(readdirSync(join(dataPath, 'mongodb'))).toEqual([expect.stringMatching(/^(mongod|secantusdb)-\d/)]);
});

test("Temporal's web pages are served on request", async () => {
  const servers = await start({ mongoUrl: given().mongoUrl, ui: true });
  const response = await fetch(servers.temporalUiUrl ?? '');
  expect(response.status).toBe(200);
  expect(await response.text()).toContain('<html');
});

test('data of a server that cannot be had is never opened with another one', async () => {
  const dataPath = testFolder();
  mkdirSync(join(dataPath, 'mongodb', 'mongod-4.2'), { recursive: true });
  writeFileSync(join(dataPath, 'mongodb', 'mongod-4.2', 'WiredTiger'), '');
  const text = await refusal({ dataPath, temporalAddress: given().temporalAddress });
  expect(text).toContain('holds data of mongod-4.2, which no server found here can read');
  expect(text).toContain('mongorestore');
  expect(readdirSync(join(dataPath, 'mongodb'))).toEqual(['mongod-4.2']);
  expect(readdirSync(join(dataPath, 'run'))).toEqual([]);
});

test('a taken port is named, with the option that changes it, and nothing is left running', async () => {
  const dataPath = testFolder();
  const listener = createServer();
  onTestFinished(() => void listener.close());
  const port = await freePort();
  await new Promise<void>((resolve) => listener.listen(port, '127.0.0.1', resolve));
  const text = await refusal({ dataPath, ui: true, ports: { temporalUi: port } });
  expect(text).toContain(`Port ${port} on 127.0.0.1 is taken`);
  expect(text).toContain('--temporal-ui-port');
  expect(readdirSync(join(dataPath, 'run'))).toEqual([]);
});

test('a data directory that cannot be made is named', async () => {
  const file = join(testFolder(), 'file');
  writeFileSync(file, '');
  expect(await refusal({ dataPath: join(file, 'data') })).toContain(`${file}/data cannot be made: ${file} is a file`);
});

test('given servers that do not answer are named, without the password', async () => {
  const port = await freePort();
  const mongoUrl = `mongodb://reader:secret@127.0.0.1:${port}/`;
  const text = await refusal({ ...given(), mongoUrl });
  expect(text).toContain(`MongoDB at mongodb://reader:…@127.0.0.1:${port}`);
  expect(text).not.toContain('secret');
  expect(await refusal({ ...given(), temporalAddress: `127.0.0.1:${port}` })).toContain(
    `Temporal at 127.0.0.1:${port} cannot be reached`,
  );
  expect(await refusal({ ...given(), temporalAddress: 'http://here' })).toContain('Give it as HOST:PORT');
});
