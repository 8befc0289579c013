import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { installOnce } from '../../../src/local/install/install_once.js';
import { testFolder } from '../../support/folders.js';
import { listener } from '../support.js';

test('an interrupted installation leaves nothing, and the next one repairs it', async () => {
  const cachePath = testFolder();
  const { logger } = listener();
  mkdirSync(join(cachePath, 'thing.draft-1'));
  const install = (make: (folder: string) => Promise<void>) =>
    installOnce({ cachePath, name: 'thing', title: 'a thing', logger, make });
  await expect(
    install(async (folder) => {
      writeFileSync(join(folder, 'half'), '');
      throw new Error('cut');
    }),
  ).rejects.toThrow('cut');
  expect(existsSync(join(cachePath, 'thing'))).toBe(false);
  const folder = await install(async (draft) => writeFileSync(join(draft, 'whole'), 'x'));
  expect(readFileSync(join(folder, 'whole'), 'utf8')).toBe('x');
  expect(existsSync(join(cachePath, 'thing.draft-1'))).toBe(false);
});

test('of two installations at once one does the work', async () => {
  const cachePath = testFolder();
  let made = 0;
  const install = () =>
    installOnce({
      cachePath,
      name: 'thing',
      title: 'a thing',
      logger: listener().logger,
      make: async () => {
        made += 1;
      },
    });
  expect(await Promise.all([install(), install()])).toEqual([join(cachePath, 'thing'), join(cachePath, 'thing')]);
  expect(made).toBe(1);
});
