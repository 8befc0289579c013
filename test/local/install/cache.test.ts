import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { checkoutCache } from '../../../src/local/install/cache.js';

afterEach(() => vi.unstubAllEnvs());

const CHECKOUT = fileURLToPath(new URL('../../..', import.meta.url));

test('the cache folder is the one of the checkout unless the environment names another', () => {
  vi.stubEnv('VT_CACHE_PATH', '');
  expect(checkoutCache()).toBe(join(CHECKOUT, '.local'));
  vi.stubEnv('VT_CACHE_PATH', '/somewhere/else');
  expect(checkoutCache()).toBe('/somewhere/else');
});
