import { BSON } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRoutes } from '../../src/api/app.js';
import { openApiDocument } from '../../src/api/http/openapi.js';
import { type Laboratory, laboratory } from '../support/laboratory.js';
import { createRandom, createRequests } from '../support/random_requests.js';
import { insertOtu, otuOf, referenceOf } from '../support/references.js';

/** VT_REQUESTS=20000 for the long walk, VT_SEED for another one. */
const REQUESTS = Number(process.env.VT_REQUESTS ?? 500);
const SEED = Number(process.env.VT_SEED ?? 20_261_201);
/** What may change when a request is refused. */
const UNCOUNTED = ['locks', 'audit', 'login_attempts'];

/** Where the ids of a parameter come from; of others from anywhere. */
const COLLECTIONS: Record<string, string> = {
  ...{ ref_id: 'references', otu_id: 'otus', sequence_id: 'sequences', change_id: 'history', index_id: 'indexes' },
  ...{
    sample_id: 'samples',
    analysis_id: 'analyses',
    cache_id: 'caches',
    subtraction_id: 'subtraction',
    file_id: 'files',
  },
  ...{ job_id: 'jobs', process_id: 'processes', user_id: 'users', group_id: 'groups', key_id: 'keys', hmm_id: 'hmm' },
};

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory({ head: {} });
  await lab.addHost('Host');
  for (const id of ['refone00', 'reftwo00']) {
    await lab.store.references.collection.insertOne(referenceOf({ _id: id, user: { id: 'head' } }));
    await insertOtu(lab.store, otuOf(id, { _id: `otu${id}` }));
  }
  await lab.send('head', 'POST', '/api/groups', { group_id: 'people' });
  for (const name of ['one', 'two']) {
    const file = await lab.upload('reads', `${name}.fq`);
    await lab.send('head', 'POST', '/api/samples', { name, subtraction: 'Host', files: [file] });
  }
});
afterAll(() => lab?.dispose());

/** All documents as text, by collection and id. */
async function look(): Promise<Map<string, string>> {
  const documents = new Map<string, string>();
  for (const { name } of await lab.database.db.listCollections({}, { nameOnly: true }).toArray()) {
    if (UNCOUNTED.includes(name)) continue;
    for await (const document of lab.database.db.collection(name).find()) {
      documents.set(`${name} ${document._id}`, BSON.EJSON.stringify(document));
    }
  }
  return documents;
}

/** What is in one of both, or in both and different. */
function differences(a: Map<string, string>, b: Map<string, string>): string[] {
  const keys = new Set([...a.keys(), ...b.keys()]);
  return [...keys].filter((key) => a.get(key) !== b.get(key)).map((key) => `${key}: ${a.get(key)} -> ${b.get(key)}`);
}

/** Routes that ask servers outside say so with 502 when nobody is there. */
const ASKS_OUTSIDE = /genbank|remote|release|updates|hmms|software|blast|\/api\/refs$/;

test(`${REQUESTS} random requests are answered, and one that is refused changes nothing`, {
  timeout: REQUESTS * 400,
}, async () => {
  let now = await look();
  const extra = ['head', 'Host', 'people', 'unknown1', 'aoturefone00', '0', '1'];
  const document = openApiDocument(createRoutes(lab.deps), 'v0.0.0');
  const idsOf = (parameter: string) => {
    const all = [...now.keys()].map((key) => key.split(' '));
    const collection = COLLECTIONS[parameter];
    return [...all.filter(([name]) => !collection || name === collection).map(([, ...id]) => id.join(' ')), ...extra];
  };
  const next = createRequests(document, createRandom(SEED), idsOf);
  const statuses = new Map<number, number>();
  for (let i = 0; i < REQUESTS; i++) {
    const { route, method, path, body } = next();
    const shown = `${i}: ${method} ${path.slice(0, 300)} ${body?.slice(0, 300)}`;
    const { status, body: answer } = await lab.send('head', method, path, body, { 'Content-Type': 'application/json' });
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    const asksOutside = ASKS_OUTSIDE.test(route);
    if (!(status === 502 && asksOutside)) expect(status, `${shown}\n${JSON.stringify(answer)}`).toBeLessThan(500);
    if (method === 'GET' && !asksOutside) continue;
    const after = await look();
    // What came of asking is noted.
    if (status >= 400 && status !== 502) expect(differences(now, after), `${status} ${shown}`).toEqual([]);
    now = after;
  }
  // A walk in which all is refused at the door shows nothing.
  expect(statuses.get(200) ?? 0, JSON.stringify([...statuses])).toBeGreaterThan(REQUESTS / 20);
});
