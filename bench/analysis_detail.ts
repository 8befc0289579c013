import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { MongoClient } from 'mongodb';
import { type BenchClient, signIn } from './client.js';
import type { BenchServer } from './server.js';
import { printTable, quantile } from './table.js';

const OTUS = 250;
const HITS = 500;
const EDITED_OTUS = 50;
const ANALYSES = 5;
const SECOND_TIMES = 20;
const READS_PER_HIT = 1_000;
const READ_LENGTH = 100;
const EMPTY = 'benchnone';
const BASES = Buffer.from('ACGT');

type Otu = { id: string; isolates: { sequences: { id: string }[] }[] };
type Times = { plain: number[]; first: number[]; second: number[]; megabytes: number; longestWait: number };
type Setting = { name: string; bases: number; where: 'document' | 'file' };

/**
 * GET of Pathoscope analyses with 500 hits in 250 OTUs of four isolates; some OTUs have been edited since. While they are answered, short
 * requests go to the same process one after the other: the longest wait of one bounds how long the event loop was blocked.
 */
export async function benchAnalysisDetail(server: BenchServer): Promise<void> {
  const client = await signIn(server.url);
  const database = await MongoClient.connect(server.databaseUrl, { directConnection: true });
  try {
    await insertAnalysis(database, { _id: EMPTY, sample: { id: 'bench2500' }, results: [] });
    const rows: string[][] = [
      ['no analysis asked for', '', '', '', '', (await longestWait(server, quiet)).toFixed(0), ''],
    ];
    const settings: Setting[] = [
      { name: 'results in the document, 2,500 bases each', bases: 2_500, where: 'document' },
      { name: 'results in a file, 8,000 bases each', bases: 8_000, where: 'file' },
    ];
    for (const setting of settings) {
      const ids = await prepare(client, server, database, setting);
      rows.push(...rowsOf(setting, await measure(client, server, ids)));
    }
    printTable(
      `GET of a Pathoscope analysis with ${HITS} hits (ms)`,
      ['what', 'MB', 'p50', 'p95', 'max', 'longest wait of others', 'goal'],
      rows,
    );
  } finally {
    await database.close();
    client.close();
  }
}

function rowsOf({ name }: Setting, { plain, first, second, megabytes, longestWait: wait }: Times): string[][] {
  const figures = (values: number[]) => [0.5, 0.95, 1].map((share) => quantile(values, share).toFixed(0));
  return [
    ['analysis without hits', '', ...figures(plain), '', ''],
    [`${name}: first time`, megabytes.toFixed(1), ...figures(first), wait.toFixed(0), 'others ≤ 50'],
    [`${name}: second time`, megabytes.toFixed(1), ...figures(second), '', 'p95 ≤ 60'],
  ];
}

async function measure(client: BenchClient, server: BenchServer, ids: string[]): Promise<Times> {
  let bytes = 0;
  const ask = async (id: string) => {
    const asked = performance.now();
    bytes = await client.drain(`/api/analyses/${id}`);
    return performance.now() - asked;
  };
  const first: number[] = [];
  const wait = await longestWait(server, async () => {
    for (const id of ids) first.push(await ask(id));
  });
  const second: number[] = [];
  for (let round = 0; round < SECOND_TIMES; round += 1) for (const id of ids) second.push(await ask(id));
  const megabytes = bytes / 1e6;
  const plain: number[] = [];
  for (let round = 0; round < second.length; round += 1) plain.push(await ask(EMPTY));
  return { plain, first, second, megabytes, longestWait: wait };
}

async function quiet(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 3_000));
}

/** The longest time that a short request took while the work went on, in milliseconds. */
async function longestWait({ url }: BenchServer, work: () => Promise<void>): Promise<number> {
  let isDone = false;
  let longest = 0;
  const asking = (async () => {
    while (!isDone) {
      const asked = performance.now();
      await (await fetch(`${url}/health/live`)).arrayBuffer();
      longest = Math.max(longest, performance.now() - asked);
    }
  })();
  await work();
  isDone = true;
  await asking;
  return longest;
}

async function prepare(client: BenchClient, server: BenchServer, database: MongoClient, setting: Setting) {
  const otus = await importOtus(client, setting);
  for (const { id } of otus.slice(0, EDITED_OTUS)) {
    await client.send('PATCH', `/api/otus/${id}`, { name: `Edited virus ${id}` });
  }
  const sampleId = `bench${setting.bases}`;
  await database
    .db('virtool')
    .collection<{ _id: string }>('samples')
    .insertOne({
      ...{ _id: sampleId, name: sampleId, subtraction: { id: 'none' }, user: { id: 'bench' }, group: 'none' },
      ...{ all_read: true, all_write: false, group_read: false, group_write: false },
    });
  const ids: string[] = [];
  for (let number = 0; number < ANALYSES; number += 1) {
    const analysisId = `${sampleId}${number}`;
    const results = otus.flatMap((otu) => hitsOf(otu, setting.bases));
    if (setting.where === 'file') {
      const folder = join(server.folder, 'data', 'samples', sampleId, 'analysis', analysisId);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'results.json'), JSON.stringify(results));
    }
    const stored = setting.where === 'file' ? 'file' : results;
    await insertAnalysis(database, { _id: analysisId, sample: { id: sampleId }, results: stored });
    ids.push(analysisId);
  }
  return ids;
}

async function insertAnalysis(database: MongoClient, fields: { _id: string; sample: object; results: unknown }) {
  await database
    .db('virtool')
    .collection<{ _id: string }>('analyses')
    .insertOne({
      ...{ algorithm: 'pathoscope_bowtie', ready: true, created_at: new Date(), reference: { id: 'r', name: 'R' } },
      ...{ index: { id: 'i', version: 0 }, user: { id: 'bench' }, job: { id: 'j' } },
      ...fields,
    });
}

async function importOtus(client: BenchClient, setting: Setting): Promise<Otu[]> {
  const file = new Blob([await promisify(gzip)(JSON.stringify(referenceFile(setting)))]);
  const fileId = await client.upload('reference', file, 'reference.json.gz');
  const reference = await client.send<{ id: string; process: { id: string } }>('POST', '/api/refs', {
    name: setting.name,
    import_from: fileId,
  });
  await client.message(
    (m) => m.interface === 'processes' && m.data.id === reference.process.id && m.data.complete === true,
  );
  const page = await client.send<{ documents: { id: string }[] }>(
    'GET',
    `/api/refs/${reference.id}/otus?per_page=${OTUS}`,
  );
  const otus: Otu[] = [];
  for (const { id } of page.documents) otus.push(await client.send<Otu>('GET', `/api/otus/${id}`));
  return otus;
}

function referenceFile({ bases, where }: Setting) {
  const isolate = (otu: number, number: number) => ({
    ...{ id: `i${where}${otu}x${number}`, source_type: 'isolate', source_name: `${number}`, default: number === 0 },
    sequences: [
      {
        ...{
          _id: `s${where}${otu}x${number}`,
          accession: `ACC${where}${otu}x${number}`,
          definition: 'complete genome',
        },
        ...{ host: '', segment: null, sequence: randomBases(bases) },
      },
    ],
  });
  const otus = Array.from({ length: OTUS }, (_, otu) => ({
    ...{ _id: `o${where}${otu}`, name: `Virus ${where} ${otu}`, abbreviation: '', schema: [] },
    isolates: Array.from({ length: 4 }, (__, number) => isolate(otu, number)),
  }));
  return { data_type: 'genome', organism: 'virus', otus };
}

/** Two hits with reads at random places. */
function hitsOf(otu: Otu, bases: number) {
  return otu.isolates.slice(0, HITS / OTUS).map(({ sequences: [sequence] }) => {
    const align = new Array<number>(bases).fill(0);
    for (let read = 0; read < READS_PER_HIT; read += 1) {
      const start = Math.floor(Math.random() * (bases - READ_LENGTH));
      for (let at = start; at < start + READ_LENGTH; at += 1) align[at] = (align[at] ?? 0) + 1;
    }
    const state = { pi: 1 / HITS, best: 1 / HITS, high: 1 / HITS, low: 0, reads: READS_PER_HIT };
    return {
      ...{ id: sequence?.id, otu: { id: otu.id, version: 0 }, align, coverage: 1, depth: 12 },
      ...{ final: state, initial: state },
    };
  });
}

function randomBases(length: number): string {
  const bases = randomBytes(length).map((byte) => BASES[byte & 3] as number);
  return Buffer.from(bases).toString('latin1');
}
