import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Laboratory, laboratory } from '../support/laboratory.js';

let lab: Laboratory;
beforeEach(async () => {
  lab = await laboratory();
  await lab.store.status.ensure('v9.8.7');
});
afterEach(() => lab.dispose());

describe('newer releases of the server', () => {
  const list = () => lab.send('anna', 'GET', '/api/software/releases');
  const names = ['v11.0.0-beta.1', 'v10.1.0', 'v10.0.0-alpha.2', 'v10.0.0', 'v9.8.7', 'v12.0.0'];

  test.each([
    ['stable', ['v10.1.0', 'v10.0.0']],
    ['beta', ['v11.0.0-beta.1', 'v10.1.0', 'v10.0.0']],
    ['alpha', ['v11.0.0-beta.1', 'v10.1.0', 'v10.0.0-alpha.2', 'v10.0.0']],
  ] as const)('of the channel %s are those before the first that is not newer', async (channel, expected) => {
    await lab.store.settings.update({ software_channel: channel });
    lab.remote.releases.listSoftware = async () => ({
      ok: true,
      releases: names.map((name) => ({ name, size: 5 })),
    });
    const { body } = await list();
    expect(body).toEqual(expected.map((name) => ({ name, size: 5 })));
    expect((await lab.send('anna', 'GET', '/api/software')).body).toMatchObject({ releases: body, errors: [] });
  });

  // Whoever installed one of those would have another server, with other data.
  test('are those of this product, not of the one that it follows, also where that has left some', async () => {
    const releases = ['v3.8.0', 'v3.7.4', 'v0.3.0', 'v0.2.0', 'v0.1.0'].map((name) => ({ name }));
    await lab.database.collection('status').updateOne({ _id: 'software' as never }, { $set: { releases } });
    await lab.store.status.ensure('v0.2.0');
    const stored = await lab.send('anna', 'GET', '/api/software');
    expect(stored.body.releases).toEqual([{ name: 'v0.3.0' }]);
    lab.remote.releases.listSoftware = async () => ({ ok: true, releases });
    expect((await list()).body).toEqual([{ name: 'v0.3.0' }]);
    lab.remote.releases.listSoftware = async () => ({ ok: true, releases: releases.slice(0, 2) });
    expect((await list()).body).toEqual([]);
    expect((await lab.send('anna', 'GET', '/api/software')).body.releases).toEqual([]);
    // A server that calls itself 3.7.3, for a client that asks for it, goes by that.
    await lab.store.status.ensure('v3.7.3');
    lab.remote.releases.listSoftware = async () => ({ ok: true, releases });
    expect((await list()).body).toEqual([{ name: 'v3.8.0' }, { name: 'v3.7.4' }]);
  });

  test('stay as they were when the list cannot be reached, and the status tells it', async () => {
    lab.remote.releases.listSoftware = async () => ({ ok: true, releases: [{ name: 'v10.0.0' }] });
    await list();
    lab.remote.releases.listSoftware = async () => ({ ok: false, trouble: { reason: 'unreachable' } });
    expect(await list()).toMatchObject({ status: 502, body: { message: 'Could not connection to www.virtool.ca' } });
    expect((await lab.send('anna', 'GET', '/api/software')).body).toMatchObject({
      releases: [{ name: 'v10.0.0' }],
      errors: ['Could not retrieve software releases'],
    });
  });
});
