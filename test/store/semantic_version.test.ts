import { expect, test } from 'vitest';
import { compareVersions } from '../../src/store/semantic_version.js';

test('versions are ordered as semver.org orders them', () => {
  const ordered = ['v1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta.2', '1.0.0-beta.11', '1.0.0-rc.1'];
  ordered.push('v1.0.0', '1.0.1', '1.2.0', 'v1.10.0', '2.0.0');
  for (const [i, a] of ordered.entries()) {
    for (const [j, b] of ordered.entries())
      expect(Math.sign(compareVersions(a, b) ?? Number.NaN)).toBe(Math.sign(i - j));
  }
});

test('a leading v and build data make no difference', () => {
  expect(compareVersions('v1.2.3+7', '1.2.3')).toBe(0);
});

test.each(['', 'latest', '1.2', 'v1.2.3.4', '1.2.x'])('%j is no version', (name) => {
  expect(compareVersions(name, 'v1.0.0')).toBeUndefined();
});
