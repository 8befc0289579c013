import { once } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import type { SocketLimits } from '../../../src/api/dispatch/connection.js';
import { type Browser, LIMIT, type Message, socketsForEachTest } from './support.js';

const { start } = socketsForEachTest();

const idOf = ({ data }: Message) => (Array.isArray(data) ? data.join() : String(data.id));
const summary = (browser: Browser) => browser.messages.map((m) => `${m.operation} ${m.interface} ${idOf(m)}`);
const PRIVATE = { user: { id: 'ann' }, group: 'lab', group_read: true, all_read: false };

/** A server, a member of the group `lab`, and another socket that stays. */
async function laboratory(limits: Partial<SocketLimits> = {}) {
  const sockets = await start(limits);
  await sockets.addUser('bob', { groups: ['lab'] });
  await sockets.addUser('head', { administrator: true });
  const session = await sockets.signIn('bob');
  const other = await sockets.connect((await sockets.signIn('head')).cookie);
  let marks = 0;
  /** Inserts a file and waits until it is told, so that all before has been told too. */
  const settle = async (...browsers: Browser[]): Promise<void> => {
    marks += 1;
    const id = `mark${marks}`;
    await sockets.write('files').insertOne({ _id: id, name: id });
    for (const browser of [other, ...browsers]) await browser.until((m) => idOf(m) === id);
    other.messages.length = 0;
  };
  /** Opens a socket, waits until it hears, and cuts it; gives the number of its last message. */
  const knowUntilNow = async (): Promise<string> => {
    const browser = await sockets.connect(session.cookie);
    await settle(browser);
    browser.socket.terminate();
    await once(browser.socket, 'close');
    return browser.last();
  };
  return { ...sockets, session, settle, knowUntilNow };
}

describe('a socket that comes back', () => {
  test('gets what it has missed once, as it is now, and then what comes', async () => {
    const { write, settle, connect, session, knowUntilNow } = await laboratory();
    await write('samples').insertOne({ _id: 'old', name: 'old', ...PRIVATE });
    await write('files').insertOne({ _id: 'gone', name: 'gone' });
    const after = await knowUntilNow();
    await write('samples').insertOne({ _id: 'new', name: 'new', ...PRIVATE });
    await settle();
    for (const name of ['x', 'y', 'z']) {
      await write('samples').updateOne({ _id: 'old' }, { $set: { name } });
      await settle();
    }
    await write('files').deleteOne({ _id: 'gone' });
    await settle();
    const browser = await connect(session.cookie, { after });
    await settle(browser);
    expect(summary(browser).filter((line) => !line.includes('mark'))).toEqual([
      'insert samples new',
      'update samples old',
      'delete files gone',
    ]);
    expect(browser.of('samples')[1]?.data).toMatchObject({ id: 'old', name: 'z' });
    expect(browser.resyncs()).toBe(0);
    await write('samples').updateOne({ _id: 'old' }, { $set: { name: 'live' } });
    await settle(browser);
    expect(browser.of('samples').at(-1)?.data).toMatchObject({ name: 'live' });
    // Nothing was missed since the last message, so nothing comes.
    const again = await connect(session.cookie, { after: browser.last() });
    await settle(again);
    expect(again.messages).toHaveLength(1);
    expect(again.resyncs()).toBe(0);
  });

  test('that is cut amid the replay gets all of it again, and after its last message nothing', async () => {
    const { write, settle, connect, session, knowUntilNow } = await laboratory();
    await write('files').insertMany(['closed', 'b'].map((_id) => ({ _id, name: _id, user: { id: 'ann' } })));
    const after = await knowUntilNow();
    await write('files').updateOne({ _id: 'closed' }, { $set: { reserved: true } });
    await settle();
    await write('files').updateOne({ _id: 'b' }, { $set: { name: 'c' } });
    await settle();
    await write('files').updateOne({ _id: 'closed' }, { $set: { size: 1 } });
    await settle();
    const numbers: string[] = [];
    const whole = await connect(session.cookie, { after });
    whole.socket.on('message', (data) => numbers.push(JSON.parse(String(data)).number));
    await settle(whole);
    const replayed = summary(whole).slice(0, 5);
    expect(replayed.at(-1)).toBe('delete files closed');
    const again = [...replayed.slice(0, 4), 'insert files mark5', 'delete files closed'];
    for (const [index, number] of numbers.slice(0, 5).entries()) {
      const rest = await connect(session.cookie, { after: number });
      await vi.waitFor(() => expect(summary(rest)).toEqual(index < 4 ? again : ['insert files mark5']), LIMIT);
      expect(rest.resyncs()).toBe(0);
    }
  });

  test('learns of what it may no longer see only that it is gone, and nothing of what it never could', async () => {
    const { write, settle, connect, session, knowUntilNow } = await laboratory();
    await write('files').insertOne({ _id: 'f', name: 'f', user: { id: 'ann' } });
    const after = await knowUntilNow();
    await write('files').updateOne({ _id: 'f' }, { $set: { reserved: true, name: 'secret' } });
    await write('samples').insertOne({ _id: 's', name: 'secret', ...PRIVATE, group: 'other' });
    await settle();
    await write('samples').deleteOne({ _id: 's' });
    await settle();
    const browser = await connect(session.cookie, { after });
    await settle(browser);
    expect(JSON.stringify(browser.messages)).not.toContain('secret');
    expect(summary(browser).filter((line) => !line.includes('mark'))).toEqual(['delete files f']);
    expect(browser.resyncs()).toBe(0);
  });

  test.each([
    ['a sample is closed', 'samples', { _id: 's' }, { group_read: false }],
    ['a sample is opened', 'samples', { _id: 'closed' }, { all_read: true }],
    ['a reference gets another member', 'references', { _id: 'r' }, { users: [{ id: 'bob' }] }],
    ['its user gets another group', 'users', { _id: 'bob' }, { groups: ['lab', 'other'] }],
  ])('is told to read all again when %s meanwhile, and so is one that is open', async (_, name, filter, change) => {
    const { write, settle, connect, session, knowUntilNow } = await laboratory();
    await write('samples').insertMany([
      { _id: 's', name: 'secret', ...PRIVATE },
      { _id: 'closed', name: 'closed', ...PRIVATE, group: 'other' },
    ]);
    await write('references').insertOne({ _id: 'r', name: 'r', user: { id: 'ann' }, users: [], groups: [] });
    const after = await knowUntilNow();
    const open = await connect(session.cookie);
    await settle(open);
    // So it is on a server that has not sent the document before.
    const fresh = await start();
    const onFresh = await fresh.connect(session.cookie);
    await settle(open, onFresh);
    await write(name).updateOne(filter, { $set: change });
    await settle(open, onFresh);
    expect(open.resyncs()).toBe(1);
    expect(onFresh.resyncs()).toBe(1);
    const browser = await connect(session.cookie, { after });
    await settle(browser);
    expect(browser.resyncs()).toBe(1);
    expect(summary(browser).filter((line) => !line.includes('mark'))).toEqual([]);
  });

  // Whoever has read a list in between shows what came with the rights.
  test.each([
    ['samples', { _id: 's' }, { all_read: true }, { all_read: false }],
    ['users', { _id: 'bob' }, { groups: [] }, { groups: ['lab'] }],
  ])('is told to read all again when rights of %s were others for a moment', async (name, filter, there, back) => {
    const { write, settle, connect, session, knowUntilNow } = await laboratory();
    await write('samples').insertOne({ _id: 's', name: 'secret', ...PRIVATE, group: 'other' });
    const after = await knowUntilNow();
    const open = await connect(session.cookie);
    await settle(open);
    await write(name).bulkWrite([there, back].map(($set) => ({ updateOne: { filter, update: { $set } } })));
    await settle(open);
    expect(open.resyncs()).toBeGreaterThan(0);
    const browser = await connect(session.cookie, { after });
    await settle(browser);
    expect(browser.resyncs()).toBe(1);
  });

  test('is told to read all again after a restart, for too much and for no number, and has one to go on with', async () => {
    const { write, settle, connect, session, knowUntilNow } = await laboratory();
    const after = await knowUntilNow();
    const restarted = await start();
    for (const given of [after, '']) {
      const browser = await restarted.connect(session.cookie, { after: given });
      await vi.waitFor(() => expect(browser.resyncs()).toBe(1), LIMIT);
      const next = await restarted.connect(session.cookie, { after: browser.last() });
      await settle(browser, next);
      expect(next.resyncs()).toBe(0);
    }
    await write('files').insertMany(Array.from({ length: 501 }, (_, index) => ({ _id: `f${index}`, name: 'f' })));
    await settle();
    const late = await connect(session.cookie, { after });
    await settle(late);
    expect([late.resyncs(), late.messages.length]).toEqual([1, 1]);
  });

  test('is refused for what is no number, and without a session for any', async () => {
    const { connect, session, knowUntilNow } = await laboratory();
    const after = await knowUntilNow();
    await expect(connect(session.cookie, { after: '17' })).rejects.toThrow('400');
    await expect(connect(session.cookie, { after: `${after}%24` })).rejects.toThrow('400');
    await expect(connect('', { after })).rejects.toThrow('401');
  });
});

describe('a socket that stays', () => {
  test('hears nothing while nobody is signed in, and must read all again after the next sign-in', async () => {
    const { store, write, settle, connect, signIn } = await laboratory();
    const browserId = 'a'.repeat(64);
    const first = await signIn('bob', browserId);
    const tab = await connect(first.cookie);
    await settle(tab);
    await store.sessions.close(first.sessionId, first.token);
    await settle();
    await write('samples').updateOne({ _id: 's' }, { $set: PRIVATE }, { upsert: true });
    await settle();
    const heard = tab.messages.length;
    expect([tab.resyncs(), heard]).toEqual([0, 1]);
    await signIn('bob', browserId);
    await settle(tab);
    expect(tab.resyncs()).toBe(1);
    expect(summary(tab).filter((line) => line.includes('samples'))).toEqual([]);
  });

  test('that falls behind is told to read all again as soon as it has read what waited', async () => {
    const { write, settle, connect, session } = await laboratory({
      bufferedBytes: 200_000,
      slowMs: 60_000,
      answerMs: 500,
    });
    const slow = await connect(session.cookie);
    await settle(slow);
    slow.socket.pause();
    await write('status').insertOne({ _id: 'hmm' });
    const rounds = 24;
    for (let round = 1; round <= rounds; round += 1) {
      await write('status').updateOne({ _id: 'hmm' }, { $set: { updates: 'x'.repeat(500_000), round } });
      await settle();
    }
    expect(slow.resyncs()).toBe(0);
    slow.socket.resume();
    // Nothing else is sent: it must not need another message.
    await vi.waitFor(() => expect(slow.resyncs()).toBe(1), LIMIT);
    expect(slow.of('status').length).toBeLessThan(rounds);
    await settle(slow);
    expect(slow.resyncs()).toBe(1);
  });

  // A document that no release has written in this form.
  test('is told to read all again when changes could not be told', async () => {
    const { write, settle, connect, session, knowUntilNow } = await laboratory();
    const after = await knowUntilNow();
    const browser = await connect(session.cookie);
    await settle(browser);
    await write('references').insertOne({ _id: 'r', users: {} });
    await vi.waitFor(() => expect(browser.resyncs()).toBe(1), LIMIT);
    await settle(browser);
    const late = await connect(session.cookie, { after });
    await settle(late);
    expect(late.resyncs()).toBe(1);
  });
});
