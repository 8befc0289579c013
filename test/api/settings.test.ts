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
};
const LIMITS = { proc: 1, mem: 1, lg_proc: 1, lg_mem: 1, sm_proc: 1, sm_mem: 1 };
const PATHS = { data_path: 'lab-data', watch_path: 'lab-watch' };

let server: IdentityServer;
let head: Browser;
beforeAll(async () => {
  server = await identityServer(['--data-path=lab-data', '--watch-path=lab-watch', '--proc=1', '--mem=1']);
  await server.addUser('head', { administrator: true });
  head = await server.signIn('head');
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

// What another process or an old server wrote.
test('the database is asked each time, and what does not fit gives the default', async () => {
  await stored().updateOne(
    { _id: 'settings' },
    { $set: { minimum_password_length: '12', enable_api: true, proc: 99, data_path: '/elsewhere' } },
  );
  const { body } = await head.send('GET', '/api/settings');
  expect(body).toEqual({ ...DEFAULTS, ...LIMITS, ...PATHS, enable_api: true });
  await stored().deleteOne({ _id: 'settings' });
  expect((await head.send('GET', '/api/settings')).body.minimum_password_length).toBe(8);
});
