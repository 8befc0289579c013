import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ReleaseServer, startReleaseServer } from '../../src/demo/release_server.js';
import {
  type Body,
  type Client,
  completeJob,
  demoFile,
  findJob,
  jobEnd,
  lastState,
  processEnd,
  signIn,
} from './client.js';
import { BAD_READS, content, HOSTS, REFERENCES, REPORTED_READS, type ReadsCase } from './laboratory_files.js';
import { createHome, type Home, startServer } from './support.js';
import { analyse, buildIndex, importReference, installHmms, makeSubtraction } from './walk.js';

const LIMIT = { timeout: 120_000 };
const LIMITS = ['--proc=2', '--mem=8', '--sm-proc=1', '--sm-mem=2', '--lg-proc=2', '--lg-mem=4'];
const TMV = 'Tobacco mosaic virus';
const PVY = 'Potato virus Y';

let home: Home;
let releases: ReleaseServer;
let client: Client;
let reference: string;
/** What became of each file, for a person: printed with VT_TEST_LOG. */
const table: { file: string; outcome: string; message: string }[] = [];

beforeAll(async () => {
  home = createHome();
  releases = await startReleaseServer(demoFile('hmm-small.tar.gz'));
  const server = await startServer(home, [...LIMITS, `--github-url=${releases.url}`]);
  client = await signIn(server.url);
  await completeJob(client, (await makeSubtraction(client)).job);
  reference = await importReference(client);
  await completeJob(client, (await buildIndex(client, reference)).job);
  await installHmms(client);
}, LIMIT.timeout);

afterAll(async () => {
  if (process.env.VT_TEST_LOG)
    for (const { file, outcome, message } of table) process.stdout.write(`| ${file} | ${outcome} | ${message} |\n`);
  client?.close();
  await home?.dispose();
  await releases?.close();
});

const note = (file: string, outcome: string, message = '') => table.push({ file, outcome, message });
const shown = ({ details, advice }: Body): string => [...details, advice].join(' ');

async function createSample({ files }: ReadsCase, name = files.join(', ')): Promise<{ id: string; ended: Body }> {
  const ids: string[] = [];
  for (const file of files) ids.push(await client.upload('reads', file.split('/')[1] as string, content(file)));
  const { id } = await client.post('/api/samples', { name, subtraction: 'Host', files: ids });
  return { id, ended: await jobEnd(client, await findJob(client, 'create_sample', 'sample_id', id)) };
}

async function pathoscope(
  sample: string,
  ref = reference,
): Promise<{ job: Body; analysis: Body; found: Record<string, number> }> {
  const { id, job } = await analyse(client, { sample, reference: ref });
  const ended = await jobEnd(client, job);
  const analysis = lastState(ended) === 'complete' ? await client.get(`/api/analyses/${id}`) : undefined;
  const found = Object.fromEntries(
    (analysis?.results ?? []).map((otu: Body) => [otu.name, otu.isolates.reduce(readsOf, 0)]),
  );
  return { job: ended, analysis, found };
}

const readsOf = (sum: number, isolate: Body): number =>
  sum + isolate.sequences.reduce((part: number, sequence: Body) => part + (sequence.reads ?? 0), 0);

describe.concurrent('reads', () => {
  test.each([...REPORTED_READS, ...BAD_READS])('$files end as they should', LIMIT, async (wanted) => {
    const { id, ended } = await createSample(wanted);
    const file = wanted.files.join(', ');
    if (wanted.refused) {
      const { error } = ended.status.at(-1);
      note(file, lastState(ended), error && shown(error));
      expect(error).toMatchObject({ class: 'invalid_input' });
      expect(shown(error)).toMatch(wanted.refused);
      expect((await client.send('GET', `/api/samples/${id}`)).status).toBe(404);
      return;
    }
    expect(lastState(ended), JSON.stringify(ended.status.at(-1))).toBe('complete');
    const sample = await client.get(`/api/samples/${id}`);
    const warnings = (sample.warnings ?? []).map(({ message }: Body) => message).join(' ');
    note(file, `sample, ${sample.quality.count} reads, ${sample.quality.encoding}`, warnings);
    expect(sample.quality.count).toBe(wanted.reads);
    if (wanted.warned) expect(warnings).toMatch(wanted.warned);
    if (wanted.viruses) await expectViruses(file, id, wanted.viruses);
    if (wanted.readCount) expect((await pathoscope(id)).analysis.read_count).toBe(wanted.readCount);
    if (wanted.analysisRefused) await expectRefusal(file, id, wanted.analysisRefused);
  });
});

async function expectViruses(file: string, sample: string, viruses: Record<string, number>): Promise<void> {
  const { job, found } = await pathoscope(sample);
  note(file, `pathoscope ${lastState(job)}`, JSON.stringify(found));
  expect(found).toEqual(viruses);
}

async function expectRefusal(file: string, sample: string, message: RegExp): Promise<void> {
  const { job } = await pathoscope(sample);
  const { error } = job.status.at(-1);
  note(file, `pathoscope ${lastState(job)}`, error && shown(error));
  expect(error).toMatchObject({ class: 'invalid_input' });
  expect(shown(error)).toMatch(message);
}

describe.concurrent('host genomes', () => {
  test.each(HOSTS)('$file ends as it should', LIMIT, async ({ file, count, refused }) => {
    const name = file.split('/')[1] as string;
    const upload = await client.upload('subtraction', name, content(file));
    const { job } = await client.post('/api/subtractions', { subtraction_id: name, file_id: upload });
    const ended = await jobEnd(client, job.id);
    const { error } = ended.status.at(-1);
    const made = await client.send('GET', `/api/subtractions/${name}`);
    note(file, lastState(ended), error ? shown(error) : `${made.body.count} sequences`);
    if (refused) {
      expect(shown(error)).toMatch(refused);
      expect(made.status).toBe(404);
    } else expect(made.body).toMatchObject({ ready: true, count });
  });
});

describe.concurrent('references', () => {
  test.each(REFERENCES)('$file ends as it should', LIMIT, async ({ file, otus, errors }) => {
    const upload = await client.upload('reference', file.split('/')[1] as string, content(file));
    const { id, process } = await client.post('/api/refs', { name: file, import_from: upload });
    const ended = await processEnd(client, process.id);
    const said = (ended.errors ?? []).map((error: Body) => `${error.id}: ${error.message}`);
    note(file, ended.complete ? 'imported' : 'refused', said.join(' '));
    if (errors) expect([...new Set(ended.errors.map((error: Body) => error.id))].toSorted()).toEqual(errors);
    else expect((await client.get(`/api/refs/${id}`)).otu_count).toBe(otus);
  });
});

test('a virus whose genome is written with U is found', LIMIT, async () => {
  const rna = await importReference(client, content('reports/reference_rna.json.gz'));
  await completeJob(client, (await buildIndex(client, rna)).job);
  const { id } = await createSample({ files: ['reports/reads_tmv_pvy.fq.gz'] }, 'For the RNA');
  const { found } = await pathoscope(id, rna);
  note('reports/reference_rna.json.gz', 'pathoscope complete', JSON.stringify(found));
  expect(found).toEqual({ [TMV]: 300, [PVY]: 200 });
});

test('pairs whose mates belong together give one contig of one virus', LIMIT, async () => {
  const { id } = await createSample(
    { files: ['reports/pairs_good_R1.fastq.gz', 'reports/pairs_good_R2.fastq.gz'] },
    'For NuVs',
  );
  const { id: analysis, job } = await analyse(client, { sample: id, reference }, 'nuvs');
  await completeJob(client, job);
  const { results } = await client.get(`/api/analyses/${analysis}`);
  const lengths = results.map(({ sequence }: Body) => sequence.length);
  note('reports/pairs_good_R1.fastq.gz', 'nuvs complete', `contigs of ${lengths.join(', ')} bases`);
  expect(lengths).toHaveLength(1);
  expect(lengths[0]).toBeGreaterThan(4_000);
  expect(lengths[0]).toBeLessThan(4_200);
});
