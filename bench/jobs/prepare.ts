import { join } from 'node:path';
import { type BenchClient, jobDone } from '../client.js';

const DEMO = join(import.meta.dirname, '..', '..', 'demo');
const HOST = 'Bench host';

/** What the analyses of a benchmark work on. */
export type Prepared = {
  referenceId: string;
  /** Prefixes of the bowtie2 indexes of the reference and of the host. */
  referencePrefix: string;
  hostPrefix: string;
};

/** Makes the demo's host a subtraction, imports its reference and builds the index. */
export async function prepareReferences(client: BenchClient, data: string): Promise<Prepared> {
  const [host, reference] = await Promise.all([
    client.upload('subtraction', join(DEMO, 'host.fa.gz')),
    client.upload('reference', join(DEMO, 'reference-small.json.gz')),
  ]);
  const subtraction = await client.send<{ job: { id: string } }>('POST', '/api/subtractions', {
    subtraction_id: HOST,
    file_id: host,
  });
  const imported = await client.send<{ id: string; process: { id: string } }>('POST', '/api/refs', {
    import_from: reference,
  });
  await processDone(client, imported.process.id);
  const index = await client.send<{ id: string; job: { id: string } }>('POST', `/api/refs/${imported.id}/indexes`);
  await jobDone(client, subtraction.job.id);
  await jobDone(client, index.job.id);
  return {
    referenceId: imported.id,
    referencePrefix: join(data, 'references', imported.id, index.id, 'reference'),
    hostPrefix: join(data, 'subtractions', HOST.toLowerCase().replaceAll(' ', '_'), 'reference'),
  };
}

/** Makes a sample of read files; gives its id. */
export async function prepareSample(client: BenchClient, name: string, paths: readonly string[]): Promise<string> {
  return (await makeSample(client, name, paths)).sampleId;
}

/** A sample of these reads, and the job that made it. */
export async function makeSample(
  client: BenchClient,
  name: string,
  paths: readonly string[],
): Promise<{ sampleId: string; jobId: string }> {
  const files = [];
  for (const path of paths) files.push(await client.upload('reads', path));
  const sample = await client.send<{ id: string }>('POST', '/api/samples', { name, subtraction: HOST, files });
  const { documents } = await client.send<{ documents: { id: string }[] }>(
    'GET',
    '/api/jobs?find=create_sample&per_page=500',
  );
  for (const { id } of documents) {
    const job = await client.send<{ args: { sample_id: string } }>('GET', `/api/jobs/${id}`);
    if (job.args.sample_id !== sample.id) continue;
    await jobDone(client, id);
    return { sampleId: sample.id, jobId: id };
  }
  throw new Error(`There is no job of sample ${sample.id}`);
}

/** Waits until a process has ended well. */
export async function processDone(client: BenchClient, id: string): Promise<void> {
  await client.message((m) => m.interface === 'processes' && m.data.id === id && m.data.complete === true);
}

/** An analysis that was started: its job, and the folder where it works. */
export type Started = { jobId: string; analysisId: string; folder: string };

/** Starts an analysis of a sample. */
export async function startAnalysis(
  client: BenchClient,
  data: string,
  input: { sampleId: string; referenceId: string; algorithm: 'pathoscope_bowtie' | 'nuvs' },
): Promise<Started> {
  const { sampleId, referenceId, algorithm } = input;
  const asked = await client.send<{ id: string; job: { id: string } }>('POST', `/api/samples/${sampleId}/analyses`, {
    algorithm,
    ref_id: referenceId,
  });
  return { jobId: asked.job.id, analysisId: asked.id, folder: join(data, 'samples', sampleId, 'analysis', asked.id) };
}

/** Waits until a job is in a step. */
export async function jobIn(client: BenchClient, jobId: string, stage: string): Promise<void> {
  await client.message((m) => m.interface === 'jobs' && m.data.id === jobId && m.data.stage === stage);
}
