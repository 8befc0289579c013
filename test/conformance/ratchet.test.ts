import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { testFolder } from '../support/folders.js';
import { compareWithList, describeStep, extendList, readList, type StepResult } from './ratchet.js';

function step(n: number, result: StepResult['result']): StepResult {
  return { n, concern: 'auth', name: `step ${n}`, request: 'GET /api', result };
}

test('a step of the list that differs is lost, one that was left out is not judged', () => {
  const results = [step(1, 'same'), step(2, 'different'), step(3, 'skipped'), step(4, 'info')];
  const { lost } = compareWithList([1, 2, 3, 4], results);
  expect(lost.map(({ n }) => n)).toEqual([2]);
});

test('a step that matches and is not in the list is told', () => {
  const { gained } = compareWithList([1], [step(1, 'same'), step(2, 'same'), step(3, 'different')]);
  expect(gained.map(({ n }) => n)).toEqual([2]);
});

test('the list grows in order and never gets shorter', () => {
  const path = join(testFolder(), 'matching.json');
  writeFileSync(path, '{"steps": [5, 700]}');
  extendList(path, [step(12, 'same'), step(5, 'same')]);
  expect(readList(path)).toEqual([5, 12, 700]);
});

test('a long list is broken into lines that a reader can compare', () => {
  const path = join(testFolder(), 'matching.json');
  writeFileSync(path, '{"steps": []}');
  const many = Array.from({ length: 500 }, (_, n) => step(n + 1, 'same'));
  extendList(path, many);
  expect(readList(path)).toHaveLength(500);
  for (const line of readFileSync(path, 'utf8').split('\n')) expect(line.length).toBeLessThanOrEqual(120);
});

test('a lost step is told with its request and what differs', () => {
  const lost: StepResult = {
    ...step(7, 'different'),
    statusEqual: false,
    status: { expected: 200, actual: 404 },
    missing: [{ path: 'user.id', expected: 'string' }],
    value: [{ path: 'name', expected: 'a', actual: 'b' }],
  };
  expect(describeStep(lost)).toBe(
    [
      '  #7 [auth] step 7 (GET /api)',
      '    status: {"expected":200,"actual":404}',
      '    missing user.id: expected "string"',
      '    value name: expected "a", got "b"',
    ].join('\n'),
  );
});
