import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Laboratory, laboratory } from '../../support/laboratory.js';

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory();
  await lab.addHost('Vitis');
});
afterAll(() => lab.dispose());

// The old server showed caches of private samples to everybody.
test('a cache is shown to those who may read its sample', async () => {
  const files = [await lab.upload('reads', 'a.fq')];
  const { body: sample } = await lab.send('head', 'POST', '/api/samples', { name: 'S', subtraction: 'Vitis', files });
  const claim = {
    jobId: 'job00000',
    sampleId: sample.id,
    program: 'p',
    hash: 'abc',
    rule: 'r',
    parameters: {},
    paired: false,
  };
  const { cache } = await lab.store.caches.claim(claim);
  const get = (user: string, id = cache._id) => lab.send(user, 'GET', `/api/caches/${id}`);

  const shown = await get('anna');
  expect(shown).toMatchObject({
    status: 200,
    body: { id: cache._id, hash: 'abc', ready: false, sample: { id: sample.id } },
  });
  expect(shown.body).not.toHaveProperty('key');
  expect(shown.body).not.toHaveProperty('job');
  await lab.send('head', 'PATCH', `/api/samples/${sample.id}/rights`, { all_read: false });
  expect(await get('anna')).toMatchObject({ status: 403, body: { message: 'Insufficient rights' } });
  expect((await get('head')).status).toBe(200);
  expect((await get('head', 'unknown1')).body).toEqual({ id: 'not_found', message: 'Not found' });
});
