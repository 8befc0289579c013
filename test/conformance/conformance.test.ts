import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../../src/local/machine/ports.js';
import { runConformance } from './conformance.js';
import { compareWithList, describeStep, readList } from './ratchet.js';

const LIMIT_MS = 16 * 60_000;

// An existing client or script must not notice that the server is another one.
test('every recorded step of release 3.7.3 that has matched once still matches', { timeout: LIMIT_MS }, async () => {
  const results = await runConformance({ output: 'ignore', remotePort: await freePort() });
  const { lost } = compareWithList(readList(join(import.meta.dirname, 'matching.json')), results);
  expect(lost.map(describeStep)).toEqual([]);
});
