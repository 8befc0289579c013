import { expect, test } from 'vitest';
import { ConfigError, configToChild, obsoleteNotices, readConfig, trustedProxies } from '../src/config.js';

const read = (argv: string[]) => readConfig({ argv, environment: {}, directory: '/nonexistent' });

test('options of old start scripts are taken, and each says in one line what it means now', () => {
  const argv = ['--no-sentry', '--no-setup', '--force-setup', '--no-refreshing'];
  expect(read(argv)).toEqual(read(['--no-refreshing']));
  expect(obsoleteNotices(argv)).toEqual([
    expect.stringMatching(/^--no-sentry has no effect any more: .*\.$/),
    expect.stringMatching(/^--no-setup has no effect any more: .*\.$/),
    expect.stringMatching(/^--force-setup has no effect any more: .*\.$/),
  ]);
  expect(obsoleteNotices(['--no-refreshing'])).toEqual([]);
  expect(configToChild(read(argv)).argv).toEqual(configToChild(read(['--no-refreshing'])).argv);
});

test.each([
  [['--force-version'], 'v0.0.0'],
  [['--force-version', '--no-client'], 'v0.0.0'],
  [['--force-version', 'v3.7.3', '--no-client'], 'v3.7.3'],
  [['--force-version=v3.7.3'], 'v3.7.3'],
])('%j reports the version %s', (argv, version) => {
  expect(read(argv).force_version).toBe(version);
});

test('an option that nobody knows is still refused', () => {
  expect(() => read(['--no-nonsense'])).toThrow(ConfigError);
  expect(() => obsoleteNotices(['--no-nonsense'])).toThrow(ConfigError);
});

test('how long files of the watch folder must be still is given in whole seconds', () => {
  expect(read([]).watch_settle).toBe(30);
  expect(read(['--watch-settle=120']).watch_settle).toBe(120);
  expect(configToChild(read(['--watch-settle=120'])).argv).toContain('--watch-settle=120');
  expect(() => read(['--watch-settle=0'])).toThrow('--watch-settle must be a whole number of at least 1');
});

test.each(['127.0.0.1', '10.0.0.0/8, 2001:db8::/32', '::1,192.168.0.0/16'])(
  '%s are proxies that are believed',
  (given) => {
    const config = read([`--trusted-proxies=${given}`]);
    expect(trustedProxies(config)?.rules.length).toBe(given.split(',').length);
    expect(configToChild(config).argv).toContain(`--trusted-proxies=${given}`);
  },
);

test.each(['', 'everybody', '10.0.0.0/33', '10.0.0.0/', '1.2.3.4/8/8', '127.0.0.1,', '10.0.0.0/-1'])(
  '%j names no proxies',
  (given) => {
    expect(() => read([`--trusted-proxies=${given}`])).toThrow(/--trusted-proxies must be addresses or networks/);
  },
);

test('without the option no proxy is believed', () => {
  expect(trustedProxies(read([]))).toBeUndefined();
});
