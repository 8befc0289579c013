import { expect, test } from 'vitest';
import { createChangeLog, isPosition } from '../../../src/api/dispatch/change_log.js';

const told = (id: string) => [{ collection: 'files', id, operation: 'update' } as const];
const ids = (entries: { id: string }[] | undefined) => entries?.map(({ id }) => id);

test('tells what came after a position, in order, and knows positions of its own only', () => {
  const log = createChangeLog();
  const start = log.position();
  log.add(told('a'));
  const middle = log.position();
  log.add([...told('b'), ...told('c')]);
  expect(ids(log.since(start))).toEqual(['a', 'b', 'c']);
  expect(ids(log.since(middle))).toEqual(['b', 'c']);
  expect(ids(log.since(log.position()))).toEqual([]);
  expect(log.since(log.position(3))).toBeUndefined();
  expect(log.since('')).toBeUndefined();
  expect(log.since(createChangeLog().position(1))).toBeUndefined();
});

test.each([
  ['count', { entries: 3, bytes: 1e9 }],
  ['bytes', { entries: 1e9, bytes: 1_000 }],
])('keeps the newest, bounded by %s, and does not know older positions any more', (_, limits) => {
  const log = createChangeLog(limits);
  const positions = [log.position()];
  for (let n = 1; n <= 50; n++) {
    log.add(told(`${n}`.repeat(80 / `${n}`.length)));
    positions.push(log.position());
  }
  const kept = positions.map((position) => log.since(position)?.length);
  expect(kept.slice(0, 40).every((count) => count === undefined)).toBe(true);
  expect(kept.slice(-4)).toEqual([3, 2, 1, 0]);
});

test('that has been cleared knows no position of before, not even the last', () => {
  const log = createChangeLog();
  log.add(told('a'));
  const before = log.position();
  log.clear();
  expect(log.since(before)).toBeUndefined();
  const after = log.position();
  log.add(told('b'));
  expect(ids(log.since(after))).toEqual(['b']);
});

test('a position is told from anything else', () => {
  expect(isPosition(createChangeLog().position())).toBe(true);
  for (const other of [
    '',
    '5',
    '-1',
    'abc-1',
    `${'a'.repeat(12)}-`,
    `${'a'.repeat(12)}-1 `,
    `${'a'.repeat(12)}-${'9'.repeat(16)}`,
  ]) {
    expect(isPosition(other), other).toBe(false);
  }
});
