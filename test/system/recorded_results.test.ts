import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ReleaseServer, startReleaseServer } from '../../src/demo/release_server.js';
import { type Body, type Client, completeJob, demoFile, findJob, signIn } from './client.js';
import { createHome, type Home, type RunningServer, startServer } from './support.js';
import { analyse, buildIndex, importReference, installHmms, makeSubtraction } from './walk.js';

// The samples, and in `expected/` what the bare tools with the options of 3.7.3 and the original's arithmetic made of them.
const FOLDER = process.env.VT_RECORDED_PATH ?? join(import.meta.dirname, '../data/recorded');
const LIMIT = { timeout: 600_000 };

/** One sample with one reference. */
const CASES = readdirSync(join(FOLDER, 'expected'))
  .map((name) => /^(.+)\.(reference-.+)\.json$/.exec(name))
  .filter((match) => match !== null)
  .map(([, sample = '', reference = '']) => ({ sample, reference }));
const SAMPLES = [...new Set(CASES.map(({ sample }) => sample))];

let home: Home;
let releases: ReleaseServer;
let server: RunningServer;
let client: Client;
const sampleIds = new Map<string, string>();
const referenceIds = new Map<string, string>();

const expected = (name: string): Body => JSON.parse(readFileSync(join(FOLDER, 'expected', `${name}.json`), 'utf8'));

beforeAll(async () => {
  home = createHome();
  releases = await startReleaseServer(demoFile('hmm-small.tar.gz'));
  server = await startServer(home, [`--github-url=${releases.url}`]);
  client = await signIn(server.url);
  await completeJob(client, (await makeSubtraction(client)).job);
  await installHmms(client);
  for (const name of SAMPLES) sampleIds.set(name, await makeRecordedSample(name));
  for (const name of new Set(CASES.map(({ reference }) => reference))) {
    const path = join(FOLDER, `${name}.json.gz`);
    const id = await importReference(client, existsSync(path) ? path : demoFile(`${name}.json.gz`));
    await completeJob(client, (await buildIndex(client, id)).job);
    referenceIds.set(name, id);
  }
}, LIMIT.timeout);

afterAll(async () => {
  client?.close();
  await home?.dispose();
  await releases?.close();
});

async function makeRecordedSample(name: string): Promise<string> {
  const paths = [`${name}.fq.gz`, `${name}_1.fq.gz`, `${name}_2.fq.gz`].filter((file) =>
    existsSync(join(FOLDER, file)),
  );
  const files: string[] = [];
  for (const file of paths) files.push(await client.upload('reads', file, join(FOLDER, file)));
  const { id } = await client.post('/api/samples', { name, subtraction: 'Host', files, srna: name.startsWith('srna') });
  await completeJob(client, await findJob(client, 'create_sample', 'sample_id', id));
  return id;
}

async function analysisOf(
  kind: 'pathoscope_bowtie' | 'nuvs',
  { sample, reference }: (typeof CASES)[number],
): Promise<Body> {
  const ids = { sample: sampleIds.get(sample) ?? '', reference: referenceIds.get(reference) ?? '' };
  const { id, job } = await analyse(client, ids, kind);
  await completeJob(client, job);
  return client.get(`/api/analyses/${id}`);
}

const withQuality = (of: 'raw' | 'trimmed') =>
  SAMPLES.filter((name) => existsSync(join(FOLDER, 'expected', `${name}.quality-${of}.json`)));

function recordedQuality(name: string, of: 'raw' | 'trimmed'): Body {
  const recorded = expected(`${name}.quality-${of}`);
  return { ...recorded, encoding: recorded.encoding.trim() };
}

test.each(withQuality('raw'))('%s: the quality of the raw reads is as recorded', async (name) => {
  const { quality } = await client.get(`/api/samples/${sampleIds.get(name)}`);
  expect(quality).toEqual(recordedQuality(name, 'raw'));
});

test.each(CASES)('$sample with $reference: Pathoscope finds what is recorded', LIMIT, async (one) => {
  const { pathoscope, trimmed } = expected(`${one.sample}.${one.reference}`);
  const analysis = await analysisOf('pathoscope_bowtie', one);
  const { read_count, subtracted_count } = pathoscope;
  expect(analysis).toMatchObject({ ready: true, read_count, subtracted_count });
  expect(analysis.reads.total - analysis.reads.trimmed).toBe(trimmed.reads);
  const rows = analysis.results.flatMap((otu: Body) =>
    otu.isolates.flatMap((isolate: Body) =>
      isolate.sequences.map((sequence: Body) =>
        rowOf(sequence, otu.name, `${isolate.source_type} ${isolate.source_name}`.trim()),
      ),
    ),
  );
  const known = pathoscope.results.map((row: Body) => rowOf(row, row.otu_name, row.isolate_name));
  // Sequences of a shown isolate to which nothing was mapped are zeros.
  expect(sorted(rows.filter(({ best }: Body) => best > 0))).toEqual(sorted(known));
});

// The analyses have made the trimmed reads.
test.each(withQuality('trimmed'))('%s: the quality of the trimmed reads is as recorded', async (name) => {
  const { caches } = await client.get(`/api/samples/${sampleIds.get(name)}`);
  const { quality } = await client.get(`/api/caches/${caches[0].id}`);
  expect(quality).toEqual(recordedQuality(name, 'trimmed'));
});

const FIELDS = ['accession', 'reads', 'pi', 'best', 'coverage', 'depth'] as const;

function rowOf(row: Body, otu: string, isolate: string): Body {
  const fields = FIELDS.map((name) => [name, ['pi', 'best'].includes(name) ? Number(row[name].toFixed(6)) : row[name]]);
  return { otu, isolate, ...Object.fromEntries(fields) };
}

function sorted(rows: Body[]): Body[] {
  return rows.toSorted((a, b) => b.pi - a.pi || (a.accession < b.accession ? -1 : 1));
}

const withNuvs = CASES.filter(({ sample, reference }) => expected(`${sample}.${reference}`).nuvs !== undefined);

test.each(withNuvs)('$sample with $reference: NuVs assembles what is recorded', LIMIT, async (one) => {
  const { nuvs } = expected(`${one.sample}.${one.reference}`);
  const { results } = await analysisOf('nuvs', one);
  const contigs = results.map(({ sequence, orfs }: Body) => ({ length: sequence.length, orfs: orfs.length }));
  expect(contigs).toEqual((nuvs.contigs ?? []).map(({ length, orfs }: Body) => ({ length, orfs })));
  const hits = results.flatMap(({ orfs }: Body) =>
    orfs.flatMap((orf: Body) => orf.hits.map((hit: Body) => hit.cluster)),
  );
  expect([...new Set(hits)].toSorted((a, b) => Number(a) - Number(b))).toEqual(nuvs.clusters_hit ?? []);
});
