import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openTextWriter } from '../../src/files/lines.js';
import { testFolder } from '../support/folders.js';

test('a long text is written whole, however often the disk is waited for', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on('warning', note);
  onTestFinished(() => void process.off('warning', note));
  const path = join(testFolder(), 'text');
  const writer = openTextWriter(path, '1');
  const part = 'ACGT'.repeat(100_000);
  for (let i = 0; i < 30; i += 1) await writer.write(part);
  await writer.publish();
  await writer.discard();
  expect((await readFile(path, 'latin1')) === part.repeat(30)).toBe(true);
  // Node warns of listeners that gather on the stream.
  await new Promise((resolve) => setImmediate(resolve));
  expect(warnings).toEqual([]);
});
