import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { createReleaseService } from '../../src/remote/releases.js';
import { createSend, type Send } from '../../src/remote/send.js';
import { testFolder } from '../support/folders.js';
import { startProxyServer } from '../support/proxy_server.js';
import { type RawServer, startRawServer } from '../support/raw_server.js';

let server: RawServer;
afterEach(() => server.close());

// More than what lies in the buffers of both sides, and sizes at which a paused reader has taken all but the last piece.
const SIZES = [0, 1, 60_000, 65_536, 300_000, 3_000_000];
const bodyOf = (size: number) => Buffer.alloc(size, '0123456789abcdef');
const chunked = (body: Buffer) =>
  Buffer.concat([
    ...Array.from({ length: Math.ceil(body.length / 10_000) }, (_, i) => {
      const piece = body.subarray(i * 10_000, (i + 1) * 10_000);
      return Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]);
    }),
    Buffer.from('0\r\n\r\n'),
  ]);

type Way = { head: (size: number) => string; body?: (body: Buffer) => Buffer; end: 'close' | 'stay' };
const WHOLE: Record<string, Way> = {
  'by its length, the connection stays': {
    head: (n) => `HTTP/1.1 200 OK\r\nContent-Length: ${n}\r\n\r\n`,
    end: 'stay',
  },
  'by its length, then the connection': {
    head: (n) => `HTTP/1.1 200 OK\r\nContent-Length: ${n}\r\nConnection: close\r\n\r\n`,
    end: 'close',
  },
  'in chunks, the connection stays': {
    head: () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    body: chunked,
    end: 'stay',
  },
  'in chunks, then the connection': {
    head: () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n',
    body: chunked,
    end: 'close',
  },
  'with the connection': { head: () => 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n', end: 'close' },
  'with the connection, without saying so': { head: () => 'HTTP/1.1 200 OK\r\n\r\n', end: 'close' },
  'with the connection in HTTP/1.0': { head: () => 'HTTP/1.0 200 OK\r\n\r\n', end: 'close' },
  'by its length in HTTP/1.0': { head: (n) => `HTTP/1.0 200 OK\r\nContent-Length: ${n}\r\n\r\n`, end: 'close' },
};

const signal = () => new AbortController().signal;
const get = (send: Send, url: string) => send({ url, headers: {}, followsRedirections: true, signal: signal() });

/** Reads an answer; a slow reader takes nothing until all that can come has come, and then piece by piece. */
async function read(send: Send, isSlow: boolean, url = server.url): Promise<Buffer> {
  const answer = await get(send, url);
  if (isSlow) await delay(50);
  const chunks: Buffer[] = [];
  for await (const chunk of answer.body) {
    chunks.push(chunk);
    if (isSlow) await delay(1);
  }
  return Buffer.concat(chunks);
}

describe('an answer that ends', () => {
  for (const [how, { head, body = (bytes: Buffer) => bytes, end }] of Object.entries(WHOLE)) {
    test.each([
      ['read at once', false],
      ['read slowly', true],
    ])(`${how}, %s, is whole`, async (_, isSlow) => {
      let size = 0;
      server = await startRawServer((socket) => {
        socket.write(head(size));
        if (end === 'close') socket.end(body(bodyOf(size)));
        else socket.write(body(bodyOf(size)));
      });
      for (size of SIZES) expect((await read(createSend(), isSlow)).equals(bodyOf(size))).toBe(true);
    });
  }

  test('with the connection comes whole through a proxy too', async () => {
    server = await startRawServer((socket) => socket.end(`HTTP/1.0 200 OK\r\n\r\n${bodyOf(300_000)}`));
    const proxy = await startProxyServer(Number(new URL(server.url).port));
    const send = createSend(`http://${proxy.address}`);
    for (let i = 0; i < 3; i += 1) expect((await read(send, true, 'http://service.invalid/')).length).toBe(300_000);
    await proxy.close();
  });

  // Many at once, each with a reader that waits.
  test('is whole for each of many who read slowly', async () => {
    server = await startRawServer((socket) => socket.end(`HTTP/1.0 200 OK\r\n\r\n${bodyOf(300_000)}`));
    const bodies = await Promise.all(Array.from({ length: 40 }, () => read(createSend(), true)));
    expect(bodies.every((body) => body.equals(bodyOf(300_000)))).toBe(true);
  });
});

const CUT: Record<string, (socket: Socket) => void> = {
  'before any answer': (socket) => void socket.end(),
  'by a reset before any answer': (socket) => void socket.resetAndDestroy(),
  'inside of the head': (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Le'),
  'before its length': (socket) =>
    void socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n${bodyOf(300_000)}`),
  'before its length in HTTP/1.0': (socket) =>
    void socket.end(`HTTP/1.0 200 OK\r\nContent-Length: 400000\r\n\r\n${bodyOf(300_000)}`),
  'inside of a chunk': (socket) =>
    void socket.end(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nfffff\r\n${bodyOf(300_000)}`,
    ),
  'between chunks': (socket) =>
    void socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nabcde\r\n'),
  'by a reset in the middle': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n0123', () => socket.resetAndDestroy());
  },
  'by a reset where the connection is the end': (socket) => {
    socket.write('HTTP/1.0 200 OK\r\n\r\n0123', () => setTimeout(() => socket.resetAndDestroy(), 100));
  },
  'as nonsense': (socket) => void socket.end('\0\x01\x02 what?\r\n\r\n'),
  'as nonsense between chunks': (socket) =>
    void socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nzzz\r\n'),
  'with an endless head': (socket) => void socket.end(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(1_000_000)}`),
  'as another protocol': (socket) =>
    void socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
};

describe('an answer that is cut', () => {
  for (const [how, cut] of Object.entries(CUT)) {
    test.each([
      ['read at once', false],
      ['read slowly', true],
    ])(`${how}, %s, is trouble and no shorter answer`, async (_, isSlow) => {
      server = await startRawServer(cut);
      for (let i = 0; i < 3; i += 1)
        await expect(read(createSend(), isSlow)).rejects.toMatchObject({ name: 'ConnectionFailed' });
    });
  }

  test('while nobody reads it ends nothing', async () => {
    for (const cut of Object.values(CUT)) {
      server = await startRawServer(cut);
      const answer = await get(createSend(), server.url).catch(() => undefined);
      await delay(20);
      answer?.discard();
      await server.close();
    }
  });
});

test('what comes after the length is not the answer', async () => {
  server = await startRawServer(
    (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n0123 and more'),
  );
  expect((await read(createSend(), false)).toString()).toBe('0123');
});

describe('a redirection', () => {
  test('without end is trouble', async () => {
    server = await startRawServer((socket) => void socket.end('HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n'));
    await expect(get(createSend(), server.url)).rejects.toThrow('Too many redirections');
  });

  test.each(['file:///etc/passwd', 'http://', 'ftp://example.org/x'])('to %s is not followed', async (location) => {
    server = await startRawServer((socket) => void socket.end(`HTTP/1.1 302 Found\r\nLocation: ${location}\r\n\r\n`));
    await expect(get(createSend(), server.url)).rejects.toThrow('leads to no web address');
  });
});

test('a download that comes slower or faster than the disk takes it is whole', async () => {
  const content = bodyOf(3_000_000);
  server = await startRawServer((socket) => {
    socket.write('HTTP/1.0 200 OK\r\n\r\n');
    const pieces = setInterval(() => socket.write(content.subarray(0, 1_000)), 1);
    setTimeout(() => {
      clearInterval(pieces);
      socket.end(content);
    }, 50);
  });
  const path = join(testFolder(), 'file');
  const service = createReleaseService(
    { userAgent: 'virtool/v9.8.7' },
    { githubUrl: server.url, softwareUrl: server.url },
  );
  const wanted = { url: server.url, path, limitBytes: 1e7, signal: signal(), onBytes: () => undefined };
  const answer = await service.download(wanted);
  const file = readFileSync(path);
  expect(answer).toEqual({ ok: true, bytes: file.length });
  expect(file.subarray(-content.length).equals(content)).toBe(true);
});

test.each([
  ['lists inside each other', '['.repeat(1_000_000)],
  ['a million values', `{"virtool":[${'{},'.repeat(1_000_000)}{}]}`],
])('%s cannot be read', async (_, text) => {
  server = await startRawServer((socket) => void socket.end(`HTTP/1.0 200 OK\r\n\r\n${text}`));
  const service = createReleaseService(
    { userAgent: 'virtool/v9.8.7' },
    { githubUrl: server.url, softwareUrl: server.url },
  );
  expect(await service.listSoftware()).toEqual({ ok: false, trouble: { reason: 'unreadable' } });
});
