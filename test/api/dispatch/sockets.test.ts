import { once } from 'node:events';
import { request } from 'node:http';
import { describe, expect, test, vi } from 'vitest';
import type { SocketLimits } from '../../../src/api/dispatch/connection.js';
import type { SessionDocument } from '../../../src/store/accounts/sessions.js';
import { LIMIT, type Message, socketsForEachTest } from './support.js';

const { start, database } = socketsForEachTest();

type Answer = { status: number; body: string };

function handshake(host: string, headers: Record<string, string>, path = '/ws'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`http://${host}${path}`, {
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        ...headers,
      },
    });
    sent.on('upgrade', (answer, socket) => {
      socket.destroy();
      resolve({ status: answer.statusCode ?? 0, body: '' });
    });
    sent.on('response', async (answer) => {
      const chunks = await answer.toArray();
      resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
    });
    sent.on('error', reject);
    sent.end();
  });
}

const file = (id: string) => ({ _id: id, name: id, type: 'reads' }) as never;

describe('the handshake', () => {
  test('is refused with 401 for nobody, for a wrong token and for an ended session', async () => {
    const { host, addUser, signIn, store } = await start();
    await addUser('bob');
    const { cookie, sessionId, token } = await signIn('bob');
    const wrong = `session_id=${sessionId}; session_token=${'0'.repeat(64)}`;
    for (const headers of [{}, { Cookie: wrong }, { Cookie: `session_id=${sessionId}` }]) {
      const { status, body } = await handshake(host, headers);
      expect(status).toBe(401);
      expect(JSON.parse(body)).toEqual({ id: 'requires_authorization', message: 'Requires authorization' });
    }
    expect((await handshake(host, { Cookie: cookie })).status).toBe(101);
    await store.sessions.close(sessionId, token);
    expect((await handshake(host, { Cookie: cookie })).status).toBe(401);
  });

  test('is refused with 401 while the user must choose a new password', async () => {
    const { host, addUser, signIn, write } = await start();
    await addUser('bob');
    const { cookie } = await signIn('bob');
    await write('users').updateOne({ _id: 'bob' }, { $set: { force_reset: true } });
    expect((await handshake(host, { Cookie: cookie })).status).toBe(401);
  });

  // Another site's page sends the cookies of our user, but cannot hide its own origin.
  test('is refused with 403 for the page of another site', async () => {
    const { host, addUser, signIn } = await start();
    await addUser('bob');
    const { cookie } = await signIn('bob');
    const status = async (Origin: string) => (await handshake(host, { Cookie: cookie, Origin })).status;
    expect(await status('http://evil.example')).toBe(403);
    expect(await status('null')).toBe(403);
    expect(await status(`http://${host}`)).toBe(101);
  });

  test('is refused with 404 on other paths', async () => {
    const { host, addUser, signIn } = await start();
    await addUser('bob');
    const { cookie } = await signIn('bob');
    expect((await handshake(host, { Cookie: cookie }, '/wsx')).status).toBe(404);
    expect((await handshake(host, { Cookie: cookie }, '/ws?x=1')).status).toBe(101);
  });
});

describe('an open socket', () => {
  async function connected(limits: Partial<SocketLimits> = {}) {
    const sockets = await start(limits);
    await sockets.addUser('bob', { groups: ['lab'] });
    const session = await sockets.signIn('bob');
    return { ...sockets, session, browser: await sockets.connect(session.cookie) };
  }

  test('gets the insert of a document before its update and its deletion last', async () => {
    const { write, browser } = await connected();
    const until = (operation: string) => browser.until((m) => m.interface === 'files' && m.operation === operation);
    await write('files').insertOne(file('a'));
    await until('insert');
    await write('files').updateOne({ _id: 'a' }, { $set: { ready: true } });
    await until('update');
    await write('files').deleteOne({ _id: 'a' });
    await until('delete');
    expect(browser.of('files')).toEqual([
      { operation: 'insert', interface: 'files', data: { id: 'a', name: 'a', type: 'reads' } },
      { operation: 'update', interface: 'files', data: { id: 'a', name: 'a', type: 'reads', ready: true } },
      { operation: 'delete', interface: 'files', data: ['a'] },
    ]);
  });

  // The end of a job may be read for an event before it and then be announced by its own.
  test('hears of a job only when there is news, so of its end once', async () => {
    const { write, browser } = await connected();
    const status = [{ state: 'complete', stage: 'clean_watch', error: null, progress: 1, timestamp: new Date() }];
    await write('jobs').insertOne({
      _id: 'j',
      task: 'create_sample',
      proc: 1,
      mem: 1,
      user: { id: 'bob' },
      status,
    } as never);
    await browser.until((m) => m.interface === 'jobs');
    await write('jobs').updateOne({ _id: 'j' }, { $set: { cancel_requested: true } });
    await write('files').insertOne(file('mark'));
    await browser.until((m) => m.interface === 'files');
    expect(browser.of('jobs')).toHaveLength(1);
    await write('jobs').updateOne({ _id: 'j' }, { $set: { proc: 2 } });
    await vi.waitFor(() => expect(browser.of('jobs')).toHaveLength(2), LIMIT);
  });

  // Clients of release 3.7.3 show a sample as being imported until they read it again, which an update makes them do.
  test('gets the last state of a sample or analysis that a job leaves unfinished once more before it is gone', async () => {
    const { write, browser } = await connected();
    const rights = { user: { id: 'bob' }, group: 'none', all_read: true };
    await write('samples').insertMany([
      { _id: 'failed', name: 'failed', imported: 'ip', ...rights },
      { _id: 'whole', name: 'whole', imported: false, ...rights },
    ] as never);
    await write('analyses').insertOne({ _id: 'a', ready: false, sample: { id: 'whole' } } as never);
    await browser.until((m) => m.interface === 'analyses');
    await write('analyses').deleteOne({ _id: 'a' });
    await write('samples').deleteOne({ _id: 'failed' });
    await write('samples').deleteOne({ _id: 'whole' });
    await write('files').insertOne(file('mark'));
    await browser.until((m) => m.interface === 'files');
    const told = (name: string) =>
      browser.of(name).map(({ operation, data }) => [operation, Array.isArray(data) ? data : data.id]);
    expect(told('samples')).toEqual([
      ['insert', 'failed'],
      ['insert', 'whole'],
      ['update', 'failed'],
      ['delete', expect.arrayContaining(['failed'])],
      ...(browser.of('samples').length === 5 ? [['delete', ['whole']]] : []),
    ]);
    expect(told('analyses')).toEqual([
      ['insert', 'a'],
      ['update', 'a'],
      ['delete', ['a']],
    ]);
    expect(browser.of('analyses')[1]?.data).toMatchObject({ sample: { id: 'whole' } });
  });

  test('that was opened while a job makes a sample hears of its end too', async () => {
    const { write, addUser, signIn, connect } = await start();
    await addUser('bob');
    const status = [{ state: 'running', stage: 'fastqc', error: null, progress: 0.5, timestamp: new Date() }];
    const sample = { _id: 's', name: 's', imported: 'ip', user: { id: 'bob' }, group: 'none' };
    await write('samples').insertOne(sample as never);
    await write('jobs').insertOne({ _id: 'j', task: 'create_sample', args: { sample_id: 's' }, status } as never);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const browser = await connect((await signIn('bob')).cookie);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await write('samples').deleteOne({ _id: 's' });
    await browser.until((m) => m.interface === 'samples' && m.operation === 'delete');
    expect(browser.of('samples').map(({ operation }) => operation)).toEqual(['update', 'delete']);
  });

  test('is told all ids of a mass deletion in few messages', async () => {
    const { write, browser } = await connected();
    const ids = Array.from({ length: 300 }, (_, index) => `f${index}`);
    await write('files').insertMany(ids.map(file));
    await write('files').insertOne(file('mark'));
    await browser.until((m) => !Array.isArray(m.data) && m.data.id === 'mark');
    await write('files').deleteMany({ _id: { $in: ids } });
    const deletions = () => browser.messages.filter((m) => m.operation === 'delete');
    await vi.waitFor(() => expect(deletions().flatMap((m) => m.data)).toHaveLength(300), LIMIT);
    expect(
      deletions()
        .flatMap((m) => m.data)
        .sort(),
    ).toEqual([...ids].sort());
    expect(deletions().length).toBeLessThan(30);
  });

  test('of a browser without a name closes with 1008 when its session ends, when its user goes or must choose a new password', async () => {
    const { store, write, addUser, signIn, connect, session, browser } = await connected();
    await addUser('carl');
    await addUser('dora');
    const carl = await connect((await signIn('carl')).cookie);
    const dora = await connect((await signIn('dora')).cookie);
    await store.sessions.close(session.sessionId, session.token);
    await vi.waitFor(() => expect(browser.closeCode()).toBe(1008), LIMIT);
    expect(carl.closeCode()).toBeUndefined();
    await write('users').deleteOne({ _id: 'carl' });
    await vi.waitFor(() => expect(carl.closeCode()).toBe(1008), LIMIT);
    await write('users').updateOne({ _id: 'dora' }, { $set: { force_reset: true } });
    await vi.waitFor(() => expect(dora.closeCode()).toBe(1008), LIMIT);
  });

  // The TTL index of the database works once a minute.
  test('of a browser without a name closes with 1008 at the moment when its session expires, unless that was renewed', async () => {
    const { store, connect, signIn, session, browser } = await connected();
    const renewed = await signIn('bob');
    const other = await connect(renewed.cookie);
    const expire = (_id: string, inMs: number) =>
      store.database
        .collection<SessionDocument>('sessions')
        .updateOne({ _id }, { $set: { expiresAt: new Date(Date.now() + inMs) } });
    await expire(renewed.sessionId, 400);
    await expire(session.sessionId, 500);
    await expire(renewed.sessionId, 60 * 60_000);
    await vi.waitFor(() => expect(browser.closeCode()).toBe(1008), { ...LIMIT, timeout: 10_000 });
    expect(await store.database.collection('sessions').countDocuments()).toBe(2);
    expect(other.closeCode()).toBeUndefined();
  });

  test('follows who is signed in in its browser: silent without anybody, then with the rights of the next one', async () => {
    const { store, write, addUser, signIn, connect } = await start();
    const sample = (id: string, owner: string) =>
      ({ _id: id, name: id, user: { id: owner }, all_read: false }) as never;
    await addUser('ann');
    await addUser('bob');
    await addUser('eve');
    const browserId = 'a'.repeat(64);
    const first = await signIn('ann', browserId);
    const tab = await connect(first.cookie);
    const other = await connect((await signIn('eve', 'b'.repeat(64))).cookie);
    await write('samples').insertOne(sample('one', 'ann'));
    await tab.until((m) => m.interface === 'samples');

    await store.sessions.close(first.sessionId, first.token);
    await write('samples').insertOne(sample('two', 'ann'));
    await write('files').insertOne(file('signed out'));
    await other.until((m) => m.interface === 'files');
    const second = await signIn('bob', browserId);
    await write('samples').insertMany([sample('three', 'ann'), sample('four', 'bob')]);
    await tab.until((m) => m.interface === 'samples' && !Array.isArray(m.data) && m.data.id === 'four');
    expect(tab.of('files')).toEqual([]);
    expect(tab.of('samples').map((m) => (m.data as { id: string }).id)).toEqual(['one', 'four']);
    expect(other.of('samples')).toEqual([]);

    // A session that expires ends like one that is closed.
    const expiresAt = new Date(Date.now() + 200);
    await store.database
      .collection<SessionDocument>('sessions')
      .updateOne({ _id: second.sessionId }, { $set: { expiresAt } });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await write('files').insertOne(file('expired'));
    await other.until((m) => !Array.isArray(m.data) && m.data.id === 'expired');
    expect(tab.of('files')).toEqual([]);
    await signIn('ann', browserId);
    await write('files').insertOne(file('again'));
    await tab.until((m) => m.interface === 'files');
    expect(tab.of('files')).toHaveLength(1);
    expect(tab.closeCode()).toBeUndefined();
  });

  test('in which nobody signs in again closes in the end', async () => {
    const { store, addUser, signIn, connect } = await start({ signedOutMs: 300 });
    await addUser('ann');
    const { cookie, sessionId, token } = await signIn('ann', 'a'.repeat(64));
    const tab = await connect(cookie);
    await store.sessions.close(sessionId, token);
    await vi.waitFor(() => expect(tab.closeCode()).toBe(1008), LIMIT);
  });

  test('has the rights that its user has at the moment of each message', async () => {
    const { write, browser } = await connected();
    const sample = (id: string) =>
      ({ _id: id, name: id, user: { id: 'ann' }, group: 'lab', group_read: true, all_read: false }) as never;
    await write('samples').insertOne(sample('one'));
    await browser.until((m) => m.interface === 'samples');
    await write('users').updateOne({ _id: 'bob' }, { $set: { groups: [] } });
    await browser.until((m) => m.interface === 'users');
    await write('samples').insertOne(sample('two'));
    await write('files').insertOne(file('mark'));
    await browser.until((m) => m.interface === 'files');
    await write('users').updateOne({ _id: 'bob' }, { $set: { groups: [], administrator: true } });
    await vi.waitFor(() => expect(browser.of('users')).toHaveLength(2), LIMIT);
    await write('samples').insertOne(sample('three'));
    await vi.waitFor(() => expect(browser.of('samples')).toHaveLength(2), LIMIT);
    expect(browser.of('samples').map((m) => (m.data as { id: string }).id)).toEqual(['one', 'three']);
  });

  test('learns of a document that it may no longer see only that it is gone', async () => {
    const { write, browser } = await connected();
    const rights = { user: { id: 'ann' }, group: 'lab', group_read: true, all_read: false };
    await write('samples').insertOne({ _id: 's', name: 's', ...rights } as never);
    await browser.until((m) => m.interface === 'samples');
    await write('samples').updateOne({ _id: 's' }, { $set: { group_read: false, name: 'hidden' } });
    await browser.until((m) => m.operation === 'delete');
    expect(browser.of('samples').slice(1)).toEqual([{ operation: 'delete', interface: 'samples', data: ['s'] }]);
  });

  test('may send what it likes: frames are ignored, and one over 4 MiB closes it with 1009', async () => {
    const { write, browser } = await connected();
    browser.socket.send('{"operation": "delete"}');
    browser.socket.send(Buffer.alloc(3 * 1024 ** 2));
    await write('files').insertOne(file('a'));
    await browser.until((m) => m.interface === 'files');
    browser.socket.send(Buffer.alloc(4 * 1024 ** 2 + 1));
    await vi.waitFor(() => expect(browser.closeCode()).toBe(1009), LIMIT);
  });

  test('is pinged when it is silent, lives while it answers and is dropped when it does not', async () => {
    const { browser, connect, session } = await connected({ silenceMs: 50, answerMs: 500 });
    let pings = 0;
    browser.socket.on('ping', () => {
      pings += 1;
    });
    const mute = await connect(session.cookie);
    mute.socket.pong = () => undefined;
    await vi.waitFor(() => expect(mute.closeCode()).toBe(1006), LIMIT);
    await vi.waitFor(() => expect(pings).toBeGreaterThan(2), LIMIT);
    expect(browser.closeCode()).toBeUndefined();
  });

  test('that reads nothing is passed by, then dropped, and holds up nobody', async () => {
    const { write, connect, session, browser } = await connected({ bufferedBytes: 200_000, slowMs: 500 });
    const slow = await connect(session.cookie);
    slow.socket.pause();
    const closed = once(slow.socket, 'close');
    let isOver = false;
    const flood = async () => {
      for (let round = 1; !isOver; round += 1) {
        await write('status').updateOne({ _id: 'hmm' }, { $set: { updates: 'x'.repeat(1_000_000), round } });
      }
    };
    await write('status').insertOne({ _id: 'hmm' } as never);
    const flooding = flood();
    try {
      await vi.waitFor(async () => {
        expect(browser.of('status').length).toBeGreaterThan(20);
        // Reading again shows the end of the connection, if there is one.
        if (browser.of('status').length > 60) slow.socket.resume();
        expect(slow.closeCode()).toBe(1006);
      }, LIMIT);
      await closed;
    } finally {
      isOver = true;
      // A write that is still under way would fail when the client closes.
      await flooding;
    }
  });

  test('is closed with 1000 when the server stops', async () => {
    const { sockets, browser } = await connected();
    await sockets.close();
    await vi.waitFor(() => expect(browser.closeCode()).toBe(1000), LIMIT);
  });

  test('gets the newest documents again when changes may have been lost', async () => {
    const { write, browser, database: own } = await connected();
    await write('files').insertOne(file('a'));
    await browser.until((m) => m.interface === 'files');
    const users = await write('users').find().toArray();
    const sessions = await write('sessions').find().toArray();
    const writers = { users, sessions, files: [file('b')] };
    await own.db.dropDatabase();
    await Promise.all(Object.entries(writers).map(([name, documents]) => write(name).insertMany(documents)));
    await browser.until((m) => m.interface === 'files' && (m.data as { id: string }).id === 'b');
  });
});

// A build writes to every OTU and every change of a reference, and none of it is new to a client.
test('what an index build notes in OTUs and history is not sent', async () => {
  const { write, addUser, signIn, connect } = await start();
  await addUser('bob');
  await write('references').insertOne({ _id: 'r', user: { id: 'bob' } } as never);
  await write('otus').insertOne({ _id: 'o', reference: { id: 'r' }, version: 3 } as never);
  await write('history').insertOne({ _id: 'o.3', reference: { id: 'r' } } as never);
  const browser = await connect((await signIn('bob')).cookie);
  await write('files').insertOne(file('before'));
  await browser.until((m) => (m.data as { id?: string }).id === 'before');
  browser.messages.length = 0;
  await write('otus').updateMany({}, { $set: { last_indexed_version: 3 } });
  await write('history').updateMany({}, { $set: { index: { id: 'i', version: 0 } } });
  await write('files').insertOne(file('after'));
  await browser.until((m) => (m.data as { id?: string }).id === 'after');
  expect(browser.messages).toHaveLength(1);
});

// Every step of an analysis does so, and no list shows it.
test('what an analysis notes of its steps is not sent, unless something else changes with it', async () => {
  const { write, addUser, signIn, connect } = await start();
  await addUser('bob');
  await write('samples').insertOne({ _id: 's', user: { id: 'bob' }, all_read: true } as never);
  await write('analyses').insertOne({ _id: 'a', sample: { id: 's' }, ready: false } as never);
  const browser = await connect((await signIn('bob')).cookie);
  await write('files').insertOne(file('before'));
  await browser.until((m) => (m.data as { id?: string }).id === 'before');
  browser.messages.length = 0;
  const note = (changes: Record<string, unknown>) => write('analyses').updateOne({ _id: 'a' }, { $set: changes });
  await note({ 'provenance.steps': {} });
  await note({ 'provenance.steps.vfam': { seconds: 1 }, 'provenance.server': { name: 'virtool' } });
  await note({ 'provenance.steps.vfam.seconds': 2 });
  await write('analyses').updateOne({ _id: 'a' }, { $set: { 'provenance.a': 1 }, $unset: { 'provenance.steps': '' } });
  await write('files').insertOne(file('after'));
  await browser.until((m) => (m.data as { id?: string }).id === 'after');
  expect(browser.of('analyses')).toEqual([]);
  await note({ 'provenance.steps.vfam.seconds': 3, ready: true });
  await browser.until((m) => m.interface === 'analyses');
});

describe('bulk work on a reference', () => {
  const reference = { _id: 'r', name: 'R', user: { id: 'bob' }, users: [], groups: [], created_at: new Date(0) };
  const otu = (id: string, referenceId = 'r') =>
    ({ _id: id, name: id, reference: { id: referenceId }, version: 0 }) as never;
  const importing = {
    _id: 'p',
    type: 'import_reference',
    complete: false,
    progress: 0,
    context: { ref_id: 'r' },
    created_at: new Date(0),
  };

  test('is silent about OTUs and history until it is over, and then tells of the reference', async () => {
    const { write, addUser, signIn, connect } = await start();
    await addUser('bob');
    await write('references').insertMany([reference, { ...reference, _id: 'other' }] as never);
    const browser = await connect((await signIn('bob')).cookie);
    await write('processes').insertOne(importing as never);
    await browser.until((m) => m.interface === 'processes');
    await write('otus').insertMany([otu('a'), otu('b')]);
    await write('history').insertOne({ _id: 'a.0', reference: { id: 'r' }, otu: { id: 'a' } } as never);
    await write('otus').insertOne(otu('c', 'other'));
    // A process that begins and ends within one flush is no bulk work, so the end waits until this has been told.
    await browser.until((m) => m.interface === 'otus');
    await write('processes').updateOne({ _id: 'p' }, { $set: { complete: true, progress: 1 } });
    const isTold = (m: Message) => m.interface === 'references' && (m.data as { otu_count?: number }).otu_count === 2;
    expect((await browser.until(isTold)).data).toMatchObject({ id: 'r', latest_build: null });
    await write('otus').insertOne(otu('d'));
    await browser.until((m) => m.interface === 'otus' && (m.data as { id: string }).id === 'd');
    expect(browser.of('otus').map((m) => (m.data as { id: string }).id)).toEqual(['c', 'd']);
    expect(browser.of('history')).toEqual([]);
  });

  test('that began before this server started is silent too', async () => {
    await database()
      .db.collection('processes')
      .insertOne(importing as never);
    const { write, addUser, signIn, connect } = await start();
    await addUser('bob');
    await write('references').insertMany([reference, { ...reference, _id: 'other' }] as never);
    const browser = await connect((await signIn('bob')).cookie);
    await write('otus').insertMany([otu('a'), otu('c', 'other')]);
    await browser.until((m) => m.interface === 'otus');
    expect(browser.of('otus').map((m) => (m.data as { id: string }).id)).toEqual(['c']);
  });

  test('of thousands of OTUs without a process is told as one message about the reference', async () => {
    const { write, addUser, signIn, connect } = await start();
    await addUser('bob');
    await write('references').insertOne(reference as never);
    const browser = await connect((await signIn('bob')).cookie);
    await write('otus').insertMany(Array.from({ length: 5_000 }, (_, index) => otu(`o${index}`)));
    await browser.until((m) => m.interface === 'references' && (m.data as { otu_count: number }).otu_count === 5_000);
    expect(browser.of('otus').length).toBeLessThan(5_000);
  });
});
