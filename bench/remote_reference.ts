import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type Document, MongoClient } from 'mongodb';
import { openDatabase } from '../src/store/database/database.js';
import { ensureIndexes } from '../src/store/database/indexes.js';
import { type BenchClient, signIn } from './client.js';
import { processDone } from './jobs/prepare.js';
import { type ReleasePage, servePage } from './jobs/releases.js';
import { type BenchServer, startServer } from './server.js';
import { printTable, seconds } from './table.js';

const SLUG = 'virtool/ref-plant-viruses';
const COLLECTIONS = ['otus', 'sequences', 'history'] as const;
const CONTROL = 'worker control';
const WATCH_MS = 500;

type Content = Record<(typeof COLLECTIONS)[number], Document[]>;
type Isolate = { id: string; default: boolean; sequences: Document[]; [field: string]: unknown };
type Release = { otus: { schema: unknown[]; isolates: Isolate[] }[]; [field: string]: unknown };

/**
 * Installs a release of the size of the official one as a remote reference, and updates it to one in which every OTU differs, beside bare inserts of
 * the documents that were written. The release is made up unless a file is given.
 */
export async function benchRemoteReference(file?: string): Promise<void> {
  const next = file === undefined ? madeUp() : (JSON.parse(gunzipSync(readFileSync(file)).toString()) as Release);
  const page = await servePage('v1.0.0', gzipSync(JSON.stringify(former(next))));
  const server = await startServer([`--github-url=${page.url}`]);
  try {
    await measure(server, page, gzipSync(JSON.stringify(next)));
  } finally {
    await server.stop();
    await page.stop();
  }
}

async function measure(server: BenchServer, page: ReleasePage, next: Buffer): Promise<void> {
  const atRest = await server.resident(CONTROL);
  let id = '';
  const install = await timed(server, async (client) => {
    const reference = await client.send<{ id: string; process: { id: string } }>('POST', '/api/refs', {
      remote_from: SLUG,
    });
    id = reference.id;
    await processDone(client, reference.process.id);
  });
  const installed = await contentOf(server, id, {});
  page.publish('v2.0.0', next);
  const since = new Date();
  const update = await timed(server, async (client) => {
    await client.send('GET', `/api/refs/${id}/release`);
    await client.send('POST', `/api/refs/${id}/updates`, {});
    const { process } = await client.send<{ process: { id: string } }>('GET', `/api/refs/${id}`);
    await processDone(client, process.id);
  });
  const updated = await contentOf(server, id, { created_at: { $gte: since } });
  const rows = [];
  for (const [what, run, written] of [
    ['install', install, installed],
    ['update', update, updated],
  ] as const) {
    const bare = await insertBare(server, written);
    const documents = COLLECTIONS.reduce((sum, name) => sum + written[name].length, 0);
    rows.push([
      `${what}, ${documents} documents`,
      seconds(run.wall),
      seconds(bare),
      (run.wall / bare).toFixed(2),
      '≤ 1.50',
    ]);
    rows.push([`${what}, control worker at its peak, MiB`, run.peak.toFixed(0), atRest.toFixed(0), '', '≤ 250']);
  }
  printTable('Remote reference', ['what', 'whole', 'insertMany / at rest', 'ratio', 'goal'], rows);
}

/** Seconds on the clock, and the most memory that the worker took meanwhile, in MiB. */
async function timed(
  server: BenchServer,
  work: (client: BenchClient) => Promise<void>,
): Promise<{ wall: number; peak: number }> {
  // Reading large answers leaves pings of the server unanswered, so each run has a connection of its own.
  const client = await signIn(server.url);
  let peak = 0;
  let isDone = false;
  const watch = async () => {
    while (!isDone) {
      peak = Math.max(peak, await server.resident(CONTROL));
      await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
    }
  };
  const watching = watch();
  const begin = performance.now();
  await work(client);
  const wall = (performance.now() - begin) / 1000;
  isDone = true;
  await watching;
  client.close();
  return { wall, peak };
}

async function contentOf(server: BenchServer, id: string, changes: Document): Promise<Content> {
  const mongo = await MongoClient.connect(server.databaseUrl);
  const read = (name: string, filter: Document) => mongo.db('virtool').collection(name).find(filter).toArray();
  try {
    const ofReference = { 'reference.id': id };
    return {
      otus: await read('otus', ofReference),
      sequences: await read('sequences', ofReference),
      history: await read('history', { ...ofReference, ...changes }),
    };
  } finally {
    await mongo.close();
  }
}

/** Seconds for inserting the documents in collections with the same indexes. */
async function insertBare(server: BenchServer, content: Content): Promise<number> {
  const database = await openDatabase({ url: server.databaseUrl, name: `bare_${Date.now()}` });
  try {
    await ensureIndexes(database);
    const begin = performance.now();
    for (const name of COLLECTIONS) await database.db.collection(name).insertMany(content[name]);
    return (performance.now() - begin) / 1000;
  } finally {
    await database.db.dropDatabase();
    await database.close();
  }
}

/** A release of the size of the official one (v1.5.0): 2,084 OTUs, 4,783 sequences, 24.4 million bases. */
function madeUp(): Release {
  const random = createRandom();
  const otus = Array.from({ length: 2_084 }, (_, n) => ({
    _id: `otu${n}`,
    name: `Made-up virus ${n}`,
    abbreviation: '',
    schema: [{ name: 'RNA', molecule: 'ssRNA', required: true }],
    isolates: Array.from({ length: n % 7 === 0 ? 6 : 1 + (n % 3 === 0 ? 1 : 0) }, (_, i) => ({
      id: `iso${i}`,
      source_type: 'isolate',
      source_name: `${n}-${i}`,
      default: i === 0,
      sequences: Array.from({ length: n % 5 === 0 ? 2 : 1 }, (_, s) => ({
        _id: `seq${n}-${i}-${s}`,
        accession: `ACC${n}.${i}${s}`,
        definition: `Made-up virus ${n} isolate ${i}, complete genome`,
        host: '',
        segment: 'RNA',
        sequence: random(5_100),
      })),
    })),
  }));
  return { data_type: 'genome', organism: 'virus', otus };
}

/** The release before: without schemas, and every third isolate that is no default one is not there yet. */
function former(release: Release): Release {
  let seen = 0;
  const isThere = ({ default: isDefault }: Isolate) => {
    seen += isDefault ? 0 : 1;
    return isDefault || seen % 3 > 0;
  };
  const otus = release.otus.map((otu) => ({ ...otu, schema: [], isolates: otu.isolates.filter(isThere) }));
  return { ...release, otus };
}

function createRandom(): (length: number) => string {
  let state = 1;
  return (length) => {
    const bases = Buffer.alloc(length);
    for (let i = 0; i < length; i += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      bases[i] = 'ACGT'.charCodeAt(state >>> 30);
    }
    return bases.toString('latin1');
  };
}
