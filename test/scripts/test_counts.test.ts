import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { testFolder } from '../support/folders.js';

const TESTS = new URL('../../scripts/setup/tests.mjs', import.meta.url).href;
const RUN = `
  import { describeCounts, runVitest } from ${JSON.stringify(TESTS)};
  console.log(describeCounts(await runVitest(process.argv.slice(1))));`;

/** What a run of the test files of a project of their own says at its end. */
async function lastLines(files: Record<string, string>, count: number): Promise<string[]> {
  const folder = testFolder();
  writeFileSync(
    join(folder, 'vitest.config.mjs'),
    "export default { test: { include: ['*.test.mjs'], pool: 'forks' } };",
  );
  for (const [name, text] of Object.entries(files)) {
    const vitest = import.meta.resolve('vitest');
    writeFileSync(join(folder, name), `import { beforeAll, test } from ${JSON.stringify(vitest)};\n${text}`);
  }
  const child = spawn(process.execPath, ['--input-type=module', '--eval', RUN, '--', '--root', folder]);
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  await new Promise((resolve) => child.once('close', resolve));
  return output.trim().split('\n').slice(-count);
}

test('an error that no test caught counts as a failure and is named', { timeout: 60_000 }, async () => {
  const lines = await lastLines(
    { 'a.test.mjs': "test('x', () => void Promise.reject(new TypeError('left behind')));" },
    2,
  );
  expect(lines).toEqual(['outside of the tests: Unhandled Rejection: TypeError: left behind', '1 passed, 1 failed']);
});

test('files that cannot be loaded and set-ups that fail count too', { timeout: 60_000 }, async () => {
  const files = {
    'good.test.mjs': "test('x', () => {}); test.skip('y', () => {});",
    'red.test.mjs': "test('x', () => { throw new Error('seen by its test'); });",
    'set_up.test.mjs': "beforeAll(() => { throw new Error('no server'); }); test('x', () => {});",
    'unloadable.test.mjs': "throw new Error('no module');",
  };
  const lines = await lastLines(files, 4);
  expect(lines.toSorted()).toEqual([
    '1 passed, 3 failed',
    '2 skipped',
    'outside of the tests: set_up.test.mjs: Error: no server',
    'outside of the tests: unloadable.test.mjs: Error: no module',
  ]);
});

test('a run without any test is a failure', { timeout: 60_000 }, async () => {
  expect(await lastLines({}, 2)).toEqual(['outside of the tests: vitest ended with code 1', '0 passed, 1 failed']);
});
