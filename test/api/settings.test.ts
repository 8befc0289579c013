import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Browser, type IdentityServer, identityServer } from '../support/identity.js';

const DEFAULTS = {
  sample_group: 'none',
  sample_group_read: true,
  sample_group_write: false,
  sample_all_read: true,
  sample_all_write: false,
  sample_unique_names: true,
  hmm_slug: 'virtool/virtool-hmm',
  enable_api: false,
  enable_sentry: true,
  software_channel: 'stable',
  minimum_password_length: 8,
  default_source_types: ['isolate', 'strain'],
  decision_thresholds: { positive_coverage: 0.5, negative_coverage: 0.2, strong_weight: 0.001 },
};
const LIMITS = { proc: 1, mem: 1, lg_proc: 1, lg_mem: 1, sm_proc: 1, sm_mem: 1 };
const PATHS = { data_path: 'lab-data', watch_path: 'lab-watch' };

let server: IdentityServer;
let head: Browser;
beforeAll(async () => {
  server = await identityServer(['--data-path=lab-data', '--watch-path=lab-watch', '--proc=1', '--mem=1']);
  head = await server.addHead();
});
afterAll(() => server.dispose());

const stored = () => server.db.collection<{ _id: string }>('settings');
const change = (body: unknown) => head.send('PATCH', '/api/settings', body);

test('settings are there from the start, with limits for all and paths for administrators only', async () => {
  expect((await head.send('GET', '/api/settings')).body).toEqual({ ...DEFAULTS, ...LIMITS, ...PATHS });
  await server.addUser('plain');
  const plain = await server.signIn('plain');
  const { body } = await plain.send('GET', '/api/settings');
  expect(body).toEqual({ ...DEFAULTS, ...LIMITS, data_path: '', watch_path: '' });
  expect((await plain.send('PATCH', '/api/settings', {})).status).toBe(403);
});

test('starting again keeps what was changed', async () => {
  await change({ sample_unique_names: false });
  await server.deps.store.settings.ensure();
  expect((await head.send('GET', '/api/settings')).body.sample_unique_names).toBe(false);
  await change({ sample_unique_names: true });
});

test('only what is given changes, and the answer has it all without the document id', async () => {
  const answer = await change({ default_source_types: ['isolate', 'clone'], software_channel: 'beta' });
  expect(answer.status).toBe(200);
  const changed = { default_source_types: ['isolate', 'clone'], software_channel: 'beta' };
  expect(answer.body).toEqual({ ...DEFAULTS, ...LIMITS, ...PATHS, ...changed });
  await change({ default_source_types: ['isolate', 'strain'], software_channel: 'stable' });
});

test('unknown keys, configuration and an empty body change nothing', async () => {
  const before = await stored().findOne({ _id: 'settings' });
  for (const body of [{ nonsense: 1 }, { data_path: '/etc', proc: 64, db: 'mongodb://elsewhere' }, {}, undefined]) {
    expect((await change(body)).body).toEqual({ ...DEFAULTS, ...LIMITS, ...PATHS });
  }
  expect(await stored().findOne({ _id: 'settings' })).toEqual(before);
});

test('values of another kind are refused, field by field', async () => {
  const { status, body } = await change({
    sample_unique_names: 'yes',
    minimum_password_length: '9',
    default_source_types: 'x',
    sample_group: 4,
    enable_api: null,
    software_channel: 'nightly',
    hmm_slug: 'https://example.com/x',
  });
  expect(status).toBe(422);
  expect(body.errors).toEqual({
    sample_unique_names: ['must be of boolean type'],
    minimum_password_length: ['must be of integer type'],
    default_source_types: ['must be of list type'],
    sample_group: ['must be of string type'],
    enable_api: ['null value not allowed'],
    software_channel: ['unallowed value nightly'],
    hmm_slug: ['must be owner/name of a GitHub repository'],
  });
  for (const length of [0, 73, 8.5, true]) expect((await change({ minimum_password_length: length })).status).toBe(422);
  expect((await change({ default_source_types: ['a', 1, ''] })).status).toBe(422);
});

test('the thresholds of decisions are changed all three or not at all', async () => {
  const thresholds = { positive_coverage: 0.8, negative_coverage: 0.8, strong_weight: 0 };
  expect((await change({ decision_thresholds: thresholds })).body.decision_thresholds).toEqual(thresholds);
  const refused = async (decision_thresholds: unknown) => (await change({ decision_thresholds })).body.errors;
  expect(await refused({ positive_coverage: 0.8, strong_weight: '1' })).toEqual({
    decision_thresholds: [{ negative_coverage: ['required field'], strong_weight: ['must be of number type'] }],
  });
  expect(await refused({ positive_coverage: 1.1, negative_coverage: -0.1, strong_weight: 0 })).toEqual({
    decision_thresholds: [{ positive_coverage: ['max value is 1'], negative_coverage: ['min value is 0'] }],
  });
  expect(await refused({ positive_coverage: 0.1, negative_coverage: 0.2, strong_weight: 0 })).toEqual({
    decision_thresholds: ['negative_coverage must not be above positive_coverage'],
  });
  expect(await refused(0.5)).toEqual({ decision_thresholds: ['must be of dict type'] });
  expect((await head.send('GET', '/api/settings')).body.decision_thresholds).toEqual(thresholds);
  await change({ decision_thresholds: DEFAULTS.decision_thresholds });
});

// What another process or an old server wrote.
test('the database is asked each time, and what does not fit gives the default', async () => {
  await stored().updateOne(
    { _id: 'settings' },
    {
      $set: {
        minimum_password_length: '12',
        enable_api: true,
        proc: 99,
        data_path: '/elsewhere',
        decision_thresholds: { strong_weight: 1 },
      },
    },
  );
  const { body } = await head.send('GET', '/api/settings');
  expect(body).toEqual({ ...DEFAULTS, ...LIMITS, ...PATHS, enable_api: true });
  await stored().deleteOne({ _id: 'settings' });
  expect((await head.send('GET', '/api/settings')).body.minimum_password_length).toBe(8);
});
