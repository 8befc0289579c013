import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ReleaseServer, startReleaseServer } from '../../src/demo/release_server.js';
import { waitFor } from '../support/wait.js';
import { cancelInTime } from './cancel.js';
import { type Body, type Client, completeJob, demoFile, jobWhen, signIn } from './client.js';
import { createHome, type Home, type RunningServer, startServer } from './support.js';
import {
  analyse,
  buildIndex,
  importReference,
  installHmms,
  makeSample,
  makeSubtraction,
  type Prepared,
} from './walk.js';

const LIMIT = { timeout: 180_000 };
// One analysis fills the host, so a share that is not given back would hold up the next job for ever.
const LIMITS = ['--proc=2', '--mem=4', '--lg-proc=2', '--lg-mem=4', '--sm-proc=2', '--sm-mem=4'];
const VIROID = 'Potato spindle tuber viroid';
const ISOLATES = 99;
const READS = 40_000;
const READ_BASES = 24;

let home: Home;
let releases: ReleaseServer;
let server: RunningServer;
let client: Client;
let reference: string;
let ambiguous: Pick<Prepared, 'sample' | 'reference'>;
let leaf: string;

beforeAll(async () => {
  home = createHome();
  releases = await startReleaseServer(demoFile('hmm-small.tar.gz'));
  server = await startServer(home, [...LIMITS, `--github-url=${releases.url}`]);
  client = await signIn(server.url);
  await completeJob(client, (await makeSubtraction(client)).job);
  const { text, viroid } = manyIsolates();
  const [big, small] = [await importReference(client, text), await importReference(client)];
  reference = small;
  const samples = [await makeSample(client, 'Ambiguous', readsOf(viroid)), await makeSample(client, 'Leaf')] as const;
  const indexes = [await buildIndex(client, big), await buildIndex(client, small)];
  for (const { job } of [...samples, ...indexes]) await completeJob(client, job);
  ambiguous = { sample: samples[0].id, reference: big };
  leaf = samples[1].id;
  await installHmms(client);
}, LIMIT.timeout);

afterAll(async () => {
  client?.close();
  await home?.dispose();
  await releases?.close();
});

/** The reference of the demo with so many isolates of one viroid that a read of it fits to about a hundred sequences. */
function manyIsolates(): { text: Uint8Array; viroid: string } {
  const content = JSON.parse(gunzipSync(readFileSync(demoFile('reference-small.json.gz'))).toString());
  const otu = content.otus.find(({ name }: Body) => name === VIROID);
  const [isolate] = otu.isolates;
  const [sequence] = isolate.sequences;
  otu.isolates = Array.from({ length: ISOLATES }, (_, i) => ({
    ...isolate,
    id: `isolate${i}`,
    source_name: `${i}`,
    default: i === 0,
    // Each a little shorter, so that the shares of the isolates go on changing from round to round.
    sequences: [{ ...sequence, _id: `sequence${i}`, accession: `A${i}`, sequence: sequence.sequence.slice(i) }],
  }));
  return { text: gzipSync(JSON.stringify(content)), viroid: sequence.sequence };
}

/** Short reads, which the aligner is quick with: most of the work is left to the core. */
function readsOf(genome: string): Uint8Array {
  const places = genome.length - READ_BASES;
  const reads = Array.from({ length: READS }, (_, i) => {
    const start = (i * 7) % places;
    return `@read:${i}\n${genome.slice(start, start + READ_BASES)}\n+\n${'I'.repeat(READ_BASES)}\n`;
  });
  return gzipSync(reads.join(''), { level: 1 });
}

const folders = (...names: string[]) => {
  const path = join(home.dataPath, ...names);
  return existsSync(path) ? readdirSync(path) : [];
};
const runs = (tool: RegExp) => home.tools().some(({ command }) => tool.test(command));

/** Whether the tool worker has a file with this name open, and something in it. */
function isOpen(name: RegExp): boolean {
  const folder = `/proc/${server.child('worker-tools')}/fd`;
  return readdirSync(folder).some((fd) => {
    try {
      const path = join(folder, fd);
      return name.test(readlinkSync(path)) && statSync(path).size > 0;
    } catch {
      // Closed between two looks.
      return false;
    }
  });
}

async function expectNothingLeft(id: string, sample: string): Promise<void> {
  expect((await client.send('GET', `/api/analyses/${id}`)).status).toBe(404);
  expect(folders('samples', sample, 'analysis')).toEqual([]);
  expect(folders('caches').filter((name) => name.includes('.partial'))).toEqual([]);
  expect(await client.get(`/api/samples/${sample}`)).toMatchObject({ pathoscope: false, nuvs: false });
}

/** Cancels, and sees that the step was stopped: none that ran on to its end would be a cancel at once. */
async function stopIn(stage: string, job: string): Promise<string> {
  const { ended, tookMs } = await cancelInTime(home, client, job);
  expect(ended.status.at(-2).stage).toBe(stage);
  expect(finishedSteps(job)).not.toContain(stage);
  return `cancelled after ${tookMs} ms`;
}

/** Steps of a job that the tool worker has done, by its log. */
function finishedSteps(job: string): string[] {
  return readFileSync(join(home.dataPath, 'logs', 'worker-tools.log'), 'utf8')
    .split('\n')
    .filter((line) => line.includes(job) && line.includes('"step finished"'))
    .map((line) => JSON.parse(line).stage);
}

// The core computes in a thread without a pause, so nothing but the end of the thread can stop it. Its file tells when it does.
test.for([
  ['map_isolates', /\/to_isolates\.vta\.[\w-]+\.partial$/, /bowtie2-align/],
  ['pathoscope', /\/subtracted\.records$/, undefined],
] as const)(
  'Pathoscope cancelled while the core computes in %s ends at once and leaves nothing',
  LIMIT,
  async ([stage, file, tool], { annotate }) => {
    const { id, job } = await analyse(client, ambiguous);
    await waitFor(() => isOpen(file), `the core in ${stage}`, LIMIT.timeout);
    if (tool) expect(runs(tool)).toBe(true);
    await annotate(await stopIn(stage, job));
    await expectNothingLeft(id, ambiguous.sample);
  },
);

test('NuVs cancelled while SPAdes runs ends at once and leaves nothing', LIMIT, async ({ annotate }) => {
  const { id, job } = await analyse(client, { sample: leaf, reference }, 'nuvs');
  await jobWhen(client, job, ({ status }) => status.at(-1).stage === 'assemble', 'assemble');
  await waitFor(() => runs(/spades-(hammer|core)/), 'SPAdes');
  await annotate(await stopIn('assemble', job));
  await expectNothingLeft(id, leaf);
});

test('after the cancels the same worker serves the next job', LIMIT, async () => {
  const worker = server.child('worker-tools');
  const { job } = await analyse(client, { sample: leaf, reference });
  await completeJob(client, job);
  expect(finishedSteps(job)).toContain('pathoscope');
  expect(server.child('worker-tools')).toBe(worker);
});
