import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { MongoNetworkError, MongoServerError } from 'mongodb';
import { expect, test } from 'vitest';
import { limitFaults, remedyFor } from '../../src/activities/faults.js';
import { adaptLogger } from '../../src/workers/runtime.js';
import { quietLogger } from '../support/logger.js';

const coded = (code: string) => Object.assign(new Error(code), { code });
const server = (code: number) => new MongoServerError({ message: 'refused', code });

test.each([
  ['a lost connection', new MongoNetworkError('connection closed'), 'wait'],
  ['a database that has no primary', server(10_107), 'wait'],
  ['a full disk', coded('ENOSPC'), 'wait'],
  ['a network file system that lost a file handle', coded('ESTALE'), 'wait'],
  ['a failure that wants to be tried again', ApplicationFailure.retryable('later'), 'wait'],
  ['a file that is not there', coded('ENOENT'), 'limit'],
  ['a right that is missing', coded('EACCES'), 'limit'],
  ['an update that the database refuses', server(2), 'limit'],
  ['a state that the code does not expect', new Error('no such index'), 'limit'],
  ['a bug', new TypeError('x is undefined'), 'give up'],
  ['a damaged JSON file', new SyntaxError('Unexpected end'), 'give up'],
  ['a document that is too large', server(10_334), 'give up'],
  ['a failure that is final', ApplicationFailure.nonRetryable('no'), 'give up'],
] as const)('%s', (_, error, remedy) => {
  expect(remedyFor(error)).toBe(remedy);
});

/** Runs an activity that fails with these errors, one after the other; gives whether each failure is final. */
async function failing(errors: readonly Error[]): Promise<boolean[]> {
  const left = [...errors];
  const { work } = limitFaults({ work: () => Promise.reject(left.shift()) });
  const final: boolean[] = [];
  for (const error of errors) {
    const failure = await new MockActivityEnvironment({}, { logger: adaptLogger(quietLogger) })
      .run(work, undefined as never)
      .catch((thrown: unknown) => thrown);
    final.push(failure instanceof ApplicationFailure && failure.nonRetryable === true);
    if (!final.at(-1)) expect(failure).toBe(error);
  }
  return final;
}

test('what fails by itself again and again ends with the tenth failure; trouble of the machine never does', async () => {
  const fault = coded('ENOENT');
  const trouble = new MongoNetworkError('connection closed');
  expect((await failing(Array(10).fill(fault))).indexOf(true)).toBe(9);
  expect(await failing(Array(30).fill(trouble))).not.toContain(true);
  // A long outage leaves all ten tries.
  expect((await failing([...Array(30).fill(trouble), ...Array(10).fill(fault)])).indexOf(true)).toBe(39);
});

test('a failure that ends a job describes it', async () => {
  const { work } = limitFaults({ work: () => Promise.reject(new TypeError('x is undefined')) });
  await expect(
    new MockActivityEnvironment({}, { logger: adaptLogger(quietLogger) }).run(work, undefined as never),
  ).rejects.toMatchObject({
    type: 'Bug',
    nonRetryable: true,
    details: [{ class: 'bug', details: ['x is undefined'] }],
  });
});
