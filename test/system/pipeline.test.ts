import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Db, MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TASKS } from '../../src/contracts/jobs.js';
import { waitFor } from '../support/wait.js';
import { type Body, type Client, completeJob, type Message, signIn } from './client.js';
import { createHome, type Ended, type Home, type LivingProcess, startServer } from './support.js';
import { analyse, buildIndex, importReference, makeSample, makeSubtraction } from './walk.js';

const EXPECTED = JSON.parse(readFileSync(join(import.meta.dirname, '../demo/single_small.expected.json'), 'utf8'));
const LIMIT = { timeout: 180_000 };
const JOB_END = ['complete', 'error', 'cancelled'];

const limits = (threads: number) => [
  '--proc=2',
  '--mem=4',
  `--lg-proc=${threads}`,
  '--lg-mem=4',
  `--sm-proc=${threads}`,
  '--sm-mem=2',
];

type Ids = { sample: string; reference: string; file: string };
type Run = {
  index: string;
  analysis: string;
  jobs: string[];
  messages: Message[];
  wire: Body;
  /** The same analysis again. */
  rerun: { id: string; wire: Body; notes: Record<string, string> };
  stored: Stored;
  ended: Ended;
};
type Stored = Record<
  'jobs' | 'files' | 'samples' | 'subtraction' | 'indexes' | 'analyses' | 'caches' | 'sequences',
  Body[]
>;

let one: Home;
let two: Home;
let ids: Ids;
let imported: { jobs: string[]; messages: Message[]; ended: Ended; left: LivingProcess[] };
let shown: Record<string, Body>;
let runs: { one: Run; two: Run };

// One walk through everything, as a client goes it; the tests look at what it left. After the imports the data directory
// is copied, so that both numbers of threads start from the same ids.
beforeAll(async () => {
  one = createHome();
  two = createHome();
  const first = await startServer(one, limits(1));
  const client = await signIn(first.url);
  const [subtraction, reference] = await Promise.all([makeSubtraction(client), importReference(client)]);
  await completeJob(client, subtraction.job);
  const sample = await makeSample(client, 'Leaf');
  await completeJob(client, sample.job);
  await settled(client, [subtraction.job, sample.job]);
  const ended = await first.stop();
  ids = { sample: sample.id, reference, file: sample.file };
  imported = { jobs: [subtraction.job, sample.job], messages: client.messages, ended, left: one.processes() };
  cpSync(one.dataPath, two.dataPath, { recursive: true });
  runs = { one: await analyseWith(one, 1), two: await analyseWith(two, 2) };
}, LIMIT.timeout);

afterAll(async () => {
  await Promise.all([one?.dispose(), two?.dispose()]);
});

async function analyseWith(home: Home, threads: number): Promise<Run> {
  const server = await startServer(home, limits(threads));
  const client = await signIn(server.url);
  if (threads === 1) {
    shown = {
      sample: await client.get(`/api/samples/${ids.sample}`),
      subtraction: await client.get('/api/subtractions/Host'),
      reference: await client.get(`/api/refs/${ids.reference}`),
      jobs: await client.get('/api/jobs'),
    };
  }
  const index = await buildIndex(client, ids.reference);
  await completeJob(client, index.job);
  const analysis = await analyse(client, ids);
  await completeJob(client, analysis.job);
  await settled(client, [index.job, analysis.job]);
  const wire = await client.get(`/api/analyses/${analysis.id}`);
  const rerun = await repeat(client, analysis.id);
  const stored = await readDatabase(server.mongoUrl);
  const ended = await server.stop();
  return {
    index: index.id,
    analysis: analysis.id,
    jobs: [index.job, analysis.job],
    messages: client.messages,
    wire,
    rerun,
    stored,
    ended,
  };
}

async function repeat(client: Client, analysisId: string): Promise<Run['rerun']> {
  const { id, job } = await client.post(`/api/analyses/${analysisId}/rerun`, {});
  await completeJob(client, job.id);
  const { notes } = await client.get(`/api/jobs/${job.id}`);
  const texts = notes.map(({ stage, text }: Body) => [stage, text]);
  return { id, wire: await client.get(`/api/analyses/${id}`), notes: Object.fromEntries(texts) };
}

// The last message about a job may come after the answer that says how it ended.
async function settled(client: Client, jobs: string[]): Promise<void> {
  const hasEnded = (id: string) => JOB_END.includes(about(client.messages, 'jobs', id).at(-1)?.data.state);
  await waitFor(() => jobs.every(hasEnded), 'the messages about the ends of the jobs');
}

async function readDatabase(url: string): Promise<Stored> {
  const mongo = await MongoClient.connect(url);
  try {
    const db: Db = mongo.db('virtool');
    const names = ['jobs', 'files', 'samples', 'subtraction', 'indexes', 'analyses', 'caches', 'sequences'] as const;
    const all = await Promise.all(
      names.map(async (name) => [name, await db.collection(name).find().toArray()] as const),
    );
    return Object.fromEntries(all) as Stored;
  } finally {
    await mongo.close();
  }
}

const about = (messages: Message[], name: string, id: string) =>
  messages.filter((message) => message.interface === name && message.data.id === id);

const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

test('what was asked for lies in the database, ready and whole', () => {
  const { stored, analysis, index } = runs.one;
  expect(stored.subtraction).toMatchObject([{ _id: 'Host', ready: true, count: 3, gc: { a: 0.211, n: 0.1 } }]);
  expect(stored.samples).toMatchObject([
    { _id: ids.sample, imported: false, pathoscope: true, nuvs: false, quality: { count: 10_000, gc: 48 } },
  ]);
  expect(stored.indexes).toMatchObject([{ _id: index, ready: true, has_files: true, version: 0 }]);
  expect(Object.keys(stored.indexes[0].manifest)).toHaveLength(43);
  expect(stored.analyses).toMatchObject([
    { _id: analysis, ready: true, sample: { id: ids.sample }, index: { id: index } },
    { _id: runs.one.rerun.id, ready: true, rerun_of: { id: analysis } },
  ]);
  expect(stored.caches).toMatchObject([{ ready: true, sample: { id: ids.sample }, quality: { count: 9_691 } }]);
  // The uploads of the sample went with the import; the two others stay, free for the next use.
  expect(stored.files.map(({ type, ready, reserved }) => ({ type, ready, reserved }))).toEqual(
    expect.arrayContaining([
      { type: 'subtraction', ready: true, reserved: false },
      { type: 'reference', ready: true, reserved: false },
    ]),
  );
  expect(stored.files).toHaveLength(2);
  expect(stored.jobs).toHaveLength(5);
  for (const job of stored.jobs) {
    const steps = TASKS[job.task as keyof typeof TASKS].steps;
    const entries = job.status.map(({ state, stage }: Body) => [state, stage]);
    expect(entries).toEqual([['waiting', null], ...steps.map((step) => ['running', step]), ['complete', steps.at(-1)]]);
    expect(job.step).toBeUndefined();
  }
});

test('the data directory holds the products, and nothing half-made', () => {
  const { index, analysis, stored } = runs.one;
  const all = files(one.dataPath);
  const names = readdirSync(one.dataPath, { recursive: true, encoding: 'utf8' });
  expect(names.filter((name) => name.endsWith('.partial'))).toEqual([]);
  expect(all.filter((path) => path.includes('.incoming/'))).toEqual([]);
  const below = (folder: string) =>
    all.filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1));
  const indexFiles = ['1', '2', '3', '4', 'rev.1', 'rev.2'].map((part) => `reference.${part}.bt2`);
  expect(below(`references/${ids.reference}`)).toEqual(
    ['checksums.json', 'ref.fa', ...indexFiles]
      .sort()
      .map((name) => `${index}/${name}`)
      .sort(),
  );
  expect(below('subtractions')).toEqual(
    expect.arrayContaining(indexFiles.map((name) => expect.stringMatching(`/${name}$`))),
  );
  expect(below(`caches/${stored.caches[0]._id}`)).toEqual(expect.arrayContaining(['fastqc_1.txt', 'reads_1.fq.gz']));
  expect(below(`samples/${ids.sample}`)).toEqual(
    expect.arrayContaining([
      'fastqc_1.txt',
      'reads_1.fq.gz',
      ...['report.tsv', 'reassigned.vta', 'to_isolates.vta'].map((name) => `analysis/${analysis}/${name}`),
    ]),
  );
  expect(below(`samples/${ids.sample}/analysis/${analysis}`).filter((name) => /bt2|fastq/.test(name))).toEqual([]);
  expect(existsSync(join(one.dataPath, 'files', ids.file))).toBe(false);
  expect(below('files')).toHaveLength(2);
  expect(readdirSync(join(one.dataPath, 'run')).filter((name) => name.endsWith('.json'))).toEqual([]);
});

test('browsers hear of every document when it is made and of every job in order, up to one final state', () => {
  for (const { messages, jobs } of [imported, runs.one, runs.two]) {
    for (const id of jobs) {
      const own = about(messages, 'jobs', id);
      expect(own.map(({ operation }) => operation)).toEqual(['insert', ...own.slice(1).map(() => 'update')]);
      const steps: readonly string[] = TASKS[own[0]?.data.task as keyof typeof TASKS].steps;
      const order = own.map(({ data }) =>
        data.state === 'running' ? steps.indexOf(data.stage) : data.state === 'waiting' ? -1 : steps.length,
      );
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      const progress = own.map(({ data }) => data.progress);
      expect(progress).toEqual(progress.toSorted((a, b) => a - b));
      expect(own.at(-1)?.data).toMatchObject({ state: 'complete', progress: 1 });
      // A document may be told twice when it changes between the event and the reading, but then it is the same.
      const ends = own.filter(({ data }) => JOB_END.includes(data.state)).map(({ data }) => JSON.stringify(data));
      expect(new Set(ends).size).toBe(1);
    }
  }
  const products: [Message[], string, string][] = [
    [imported.messages, 'samples', ids.sample],
    [imported.messages, 'subtraction', 'Host'],
    [imported.messages, 'references', ids.reference],
    [runs.one.messages, 'indexes', runs.one.index],
    [runs.one.messages, 'analyses', runs.one.analysis],
  ];
  for (const [messages, name, id] of products) {
    const operations = about(messages, name, id).map(({ operation }) => operation);
    expect([name, ...operations.slice(0, 2)]).toEqual([name, 'insert', 'update']);
  }
  expect(about(runs.one.messages, 'analyses', runs.one.analysis).at(-1)?.data.ready).toBe(true);
});

test('Pathoscope finds what the sample is known to contain, read by read', () => {
  const { wire, stored } = runs.one;
  const { read_count, subtracted_count, results } = EXPECTED.pathoscope;
  expect(wire).toMatchObject({ ready: true, read_count, subtracted_count });
  const remoteIds = new Map(stored.sequences.map(({ _id, remote }) => [_id, remote.id]));
  const found = stored.analyses[0].results.map((hit: Body) => ({
    id: remoteIds.get(hit.id),
    reads: hit.final.reads,
    initial_reads: hit.initial.reads,
    pi: Number(hit.final.pi.toFixed(6)),
    best: Number(hit.final.best.toFixed(6)),
    coverage: hit.coverage,
    depth: hit.depth,
  }));
  const known = results.map(({ id, reads, initial_reads, pi, best, coverage, depth }: Body) => ({
    id,
    reads,
    initial_reads,
    pi,
    best,
    coverage,
    depth,
  }));
  expect(found).toEqual(known);
  const isolates = wire.results.flatMap((otu: Body) =>
    otu.isolates.map((isolate: Body) => ({
      otu: otu.name,
      name: `${isolate.source_type} ${isolate.source_name}`,
      reads: isolate.sequences.reduce((sum: number, one: Body) => sum + one.reads, 0),
    })),
  );
  expect(isolates.filter(({ reads }: Body) => reads > 0)).toHaveLength(
    new Set(results.map(({ isolate }: Body) => isolate)).size,
  );
});

test('each virus of the sample is called positive, and its sequences have the depth by base too', () => {
  const { results } = runs.one.wire;
  expect(results.map(({ decision }: Body) => decision.call)).toEqual(results.map(() => 'positive'));
  const sequences: Body[] = results.flatMap(({ isolates }: Body) => isolates.flatMap((one: Body) => one.sequences));
  for (const { reads, coverage, depth_by_base: byBase } of sequences.filter(({ align }) => align)) {
    expect(byBase.align.length).toBeGreaterThan(1);
    // Few ends are clipped here, so the two are close.
    expect([reads, Math.abs(byBase.coverage - coverage)]).toEqual([reads, expect.closeTo(0, 1)]);
  }
});

test('one thread or two: the same bytes', () => {
  const [a, b] = [runs.one, runs.two];
  const folder = (run: Run) => join('samples', ids.sample, 'analysis', run.analysis);
  for (const name of ['reassigned.vta', 'report.tsv', 'to_isolates.vta', 'subtracted.vta']) {
    expect([name, hash(join(two.dataPath, folder(b), name))]).toEqual([
      name,
      hash(join(one.dataPath, folder(a), name)),
    ]);
  }
  const indexes = (home: Home, run: Run) => {
    const place = join(home.dataPath, 'references', ids.reference, run.index);
    const names = readdirSync(place).filter((name) => name !== 'checksums.json');
    return Object.fromEntries(names.map((name) => [name, hash(join(place, name))]));
  };
  expect(indexes(two, b)).toEqual(indexes(one, a));
  expect(JSON.stringify(b.stored.analyses[0].results)).toBe(JSON.stringify(a.stored.analyses[0].results));
  expect(b.stored.caches[0].quality).toEqual(a.stored.caches[0].quality);
  const granted = (run: Run) => run.stored.jobs.find(({ task }) => task === 'pathoscope_bowtie').proc;
  expect([granted(a), granted(b)]).toEqual([1, 2]);
});

test('a rerun takes over what the long steps found, and comes to the same bytes', () => {
  const { analysis, rerun, wire } = runs.one;
  const steps = ['map_default_isolates', 'build_isolate_index', 'map_isolates', 'map_subtraction'];
  const taken = steps.map((step) => [step, `Reused from analysis ${analysis}, step ${step}`]);
  const { prepare_reads, ...notes } = rerun.notes;
  expect(prepare_reads).toBe(`Reused the trimmed reads of cache ${wire.cache.id}`);
  expect(notes).toEqual(Object.fromEntries(taken));
  expect(rerun.wire).toMatchObject({ rerun_of: { id: analysis }, read_count: wire.read_count });
  expect(rerun.wire.results).toEqual(wire.results);
  const place = (id: string) => join(one.dataPath, 'samples', ids.sample, 'analysis', id);
  const hashes = (id: string) =>
    files(place(id))
      .filter((name) => name !== 'reads.json')
      .map((name) => [name, hash(join(place(id), name))]);
  expect(hashes(rerun.id)).toEqual(hashes(analysis));
});

test('an analysis tells what it was made of, the same on every run, and how much it took', () => {
  const { server, inputs, parameters, steps } = runs.one.wire.provenance;
  expect(server).toEqual({ name: 'virtool', version: expect.stringMatching(/^v\d/) });
  expect(inputs).toMatchObject({
    reads: [{ name: 'reads_1.fq.gz', sha256: hash(join(one.dataPath, 'samples', ids.sample, 'reads_1.fq.gz')) }],
    trimmed_reads: [{ name: 'reads_1.fq.gz' }],
    cache: runs.one.wire.cache.id,
    index: { id: runs.one.index, version: 0 },
    subtraction: { id: 'Host' },
  });
  expect(parameters.trimming).toMatchObject({ end_quality: '20' });
  const other = runs.two.wire.provenance;
  for (const key of ['manifest_sha256', 'sha256']) {
    expect(inputs.index[key]).toMatch(/^[0-9a-f]{64}$/);
    expect(inputs.index[key]).toBe(other.inputs.index[key]);
  }
  expect(inputs.subtraction).toEqual(other.inputs.subtraction);
  expect(Object.keys(steps)).toEqual([...TASKS.pathoscope_bowtie.steps]);
  expect(steps.map_isolates.programs).toMatchObject([
    { program: 'bowtie2', version: expect.stringMatching(/^2\./), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
  ]);
  expect(steps.map_isolates.programs[0].runs[0].arguments).toEqual(expect.arrayContaining(['-p', '1', '-k', '100']));
  expect(steps.map_isolates).toMatchObject({ threads: 1, memory_gib: 4 });
  expect(steps.map_isolates.seconds).toBeGreaterThan(0);
  expect(JSON.stringify(runs.one.wire.provenance)).not.toContain(one.dataPath);
});

test('sequences of the index stand in the order of their OTUs, hits in that of their weight', () => {
  const { stored, index } = runs.one;
  const fasta = readFileSync(join(one.dataPath, 'references', ids.reference, index, 'ref.fa'), 'utf8');
  const map = stored.indexes[0].sequence_otu_map;
  const otus = [...fasta.matchAll(/^>(\S+)$/gm)].map(([, id]) => map[id as string]);
  expect(otus).toEqual(otus.toSorted());
  expect(new Set(otus).size).toBe(43);
  const weights = stored.analyses[0].results.map((hit: Body) => hit.final.pi);
  expect(weights).toEqual(weights.toSorted((x: number, y: number) => y - x));
});

test('SIGTERM ends the server with 0 and leaves no process, and the next start shows what the last one made', () => {
  expect([imported, runs.one, runs.two].map(({ ended }) => ended.code)).toEqual([0, 0, 0]);
  expect(imported.left).toEqual([]);
  expect([...one.processes(), ...two.processes()]).toEqual([]);
  expect(shown.sample).toMatchObject({ id: ids.sample, name: 'Leaf', imported: false, quality: { count: 10_000 } });
  expect(shown.subtraction).toMatchObject({ id: 'Host', ready: true, count: 3, linked_samples: [{ id: ids.sample }] });
  expect(shown.reference).toMatchObject({ id: ids.reference, otu_count: 43 });
  expect(shown.jobs.documents.map(({ state }: Body) => state)).toEqual(['complete', 'complete']);
});
