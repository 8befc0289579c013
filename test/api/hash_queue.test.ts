import { describe, expect, test } from 'vitest';
import { createHashQueue } from '../../src/api/account/hash_queue.js';

/** Work that ends when it is told to, and the order in which it began. */
function stage(limits = { atOnce: 1, waitingOfClient: 3, waiting: 5 }) {
  const run = createHashQueue(limits);
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const tick = () => new Promise((resolve) => setImmediate(resolve));
  return {
    begun,
    ask: (client: string, name = client) =>
      run(client, () => {
        begun.push(name);
        return new Promise<string>((resolve) => ends.push(() => resolve(name)));
      }).catch(({ status }: { status: number }) => status),
    async endAll() {
      for (await tick(); ends.length > 0; await tick()) ends.shift()?.();
    },
  };
}

describe('hashing', () => {
  test('goes on for clients in turns, whoever has asked for how many', async () => {
    const { begun, ask, endAll } = stage();
    const all = [ask('busy', 'busy 1'), ask('busy', 'busy 2'), ask('busy', 'busy 3'), ask('ann'), ask('bob')];
    await endAll();
    expect(begun).toEqual(['busy 1', 'busy 2', 'ann', 'bob', 'busy 3']);
    expect(await Promise.all(all)).toEqual(['busy 1', 'busy 2', 'busy 3', 'ann', 'bob']);
  });

  test('is refused to a client that has filled its place, and to nobody else', async () => {
    const { ask, endAll } = stage();
    const busy = Array.from({ length: 6 }, () => ask('busy'));
    const ann = ask('ann');
    await endAll();
    expect(await Promise.all(busy)).toEqual(['busy', 'busy', 'busy', 'busy', 429, 429]);
    expect(await ann).toBe('ann');
  });

  test('takes a newcomer when all is full, in place of the last of the longest row', async () => {
    const { ask, endAll } = stage();
    const first = ask('first');
    const all = [ask('a', 'a1'), ask('a', 'a2'), ask('b', 'b1'), ask('b', 'b2'), ask('b', 'b3'), ask('c')];
    await endAll();
    expect(await first).toBe('first');
    expect(await Promise.all(all)).toEqual(['a1', 'a2', 'b1', 'b2', 429, 'c']);
  });

  test('goes on after work that failed', async () => {
    const run = createHashQueue({ atOnce: 1, waitingOfClient: 1, waiting: 1 });
    const failed = run('a', async () => {
      throw new Error('no');
    });
    const next = run('b', async () => 'done');
    await expect(failed).rejects.toThrow('no');
    expect(await next).toBe('done');
    expect(await run('a', async () => 'again')).toBe('again');
  });
});
