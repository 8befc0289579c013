import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ownIdentity } from '../../src/local/machine/proc_table.js';
import { testFolder } from '../support/folders.js';

const LOCK = new URL('../../scripts/setup/lock.mjs', import.meta.url).href;

// Each goes in and out of the locked part several times; two inside at once would mix the lines.
const CONTENDER = `
  import { appendFileSync } from 'node:fs';
  import { setTimeout } from 'node:timers/promises';
  import { withLock } from ${JSON.stringify(LOCK)};
  const [lock, log] = process.argv.slice(1);
  for (let n = 0; n < 5; n++) {
    await withLock(lock, (pid) => console.log('waiting for ' + pid), async () => {
      appendFileSync(log, 'in ' + process.pid + '\\n');
      await setTimeout(2);
      appendFileSync(log, 'out ' + process.pid + '\\n');
    });
  }`;

function contend(
  lock: string,
  log: string,
  onOutput: (output: string) => void = () => undefined,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', CONTENDER, lock, log]);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
        onOutput(output);
      });
    }
    child.once('close', (code) => resolve({ code, output }));
  });
}

test('several set-ups at once go one after the other, also over the lock of a dead one', async () => {
  const folder = testFolder();
  const [lock, log] = [join(folder, 'setup.lock'), join(folder, 'log')];
  writeFileSync(lock, JSON.stringify({ pid: 2 ** 22 + 1, start: '1' }));
  writeFileSync(log, '');
  const results = await Promise.all(Array.from({ length: 5 }, () => contend(lock, log)));
  expect(results.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);

  const lines = readFileSync(log, 'utf8').trim().split('\n');
  expect(lines).toHaveLength(50);
  for (let n = 0; n < lines.length; n += 2) expect(lines[n + 1]).toBe(lines[n]?.replace('in', 'out'));
});

test('a set-up that has to wait says for whom', async () => {
  const folder = testFolder();
  const [lock, log] = [join(folder, 'setup.lock'), join(folder, 'log')];
  writeFileSync(lock, JSON.stringify(ownIdentity()));
  writeFileSync(log, '');
  const waiting = contend(lock, log, (output) => {
    if (output.includes(`waiting for ${process.pid}`)) rmSync(lock, { force: true });
  });
  expect((await waiting).output).toContain(`waiting for ${process.pid}`);
});
