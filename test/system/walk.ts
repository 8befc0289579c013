import { type Client, completeJob, demoFile, findJob, processEnd } from './client.js';

/** What an analysis needs, by id. */
export type Prepared = { subtraction: string; sample: string; reference: string; index: string };

/** The host of the demo as a subtraction. */
export async function makeSubtraction(
  client: Client,
  name = 'Host',
): Promise<{ id: string; job: string; file: string }> {
  const file = await client.upload('subtraction', 'host.fa.gz', demoFile('host.fa.gz'));
  const { job } = await client.post('/api/subtractions', { subtraction_id: name, file_id: file });
  return { id: name, job: job.id, file };
}

/** A sample of uploaded reads, by default those of the demo. */
export async function makeSample(
  client: Client,
  name: string,
  content: string | Uint8Array = demoFile('single_small.fq.gz'),
): Promise<{ id: string; job: string; file: string }> {
  const file = await client.upload('reads', `${name}.fq.gz`, content);
  const { id } = await client.post('/api/samples', { name, subtraction: 'Host', files: [file] });
  return { id, job: await findJob(client, 'create_sample', 'sample_id', id), file };
}

/** A reference, imported; by default the small one of the demo. */
export async function importReference(
  client: Client,
  content: string | Uint8Array = demoFile('reference-small.json.gz'),
): Promise<string> {
  const file = await client.upload('reference', 'reference.json.gz', content);
  const { id, process } = await client.post('/api/refs', { name: 'Plant viruses', import_from: file });
  const ended = await processEnd(client, process.id);
  if (!ended.complete) throw new Error(`The import failed: ${JSON.stringify(ended.errors)}`);
  return id;
}

/** Builds the index of a reference. */
export async function buildIndex(client: Client, reference: string): Promise<{ id: string; job: string }> {
  const { id, job } = await client.post(`/api/refs/${reference}/indexes`);
  return { id, job: job.id };
}

/** Installs the HMM data of the release service that the server asks. */
export async function installHmms(client: Client): Promise<void> {
  await client.get('/api/hmms/status/release');
  await client.post('/api/hmms/status/updates');
  const { process } = await client.get('/api/hmms/status');
  const ended = await processEnd(client, process.id);
  if (!ended.complete) throw new Error(`The HMM data were not installed: ${JSON.stringify(ended.errors)}`);
}

/** Starts an analysis, by default Pathoscope. */
export async function analyse(
  client: Client,
  { sample, reference }: Pick<Prepared, 'sample' | 'reference'>,
  algorithm: 'pathoscope_bowtie' | 'nuvs' = 'pathoscope_bowtie',
) {
  const request = { algorithm, ref_id: reference };
  const { id, job } = await client.post(`/api/samples/${sample}/analyses`, request);
  return { id: String(id), job: String(job.id) };
}

/** Makes all that an analysis needs. */
export async function prepare(client: Client): Promise<Prepared> {
  const [subtraction, reference] = await Promise.all([makeSubtraction(client), importReference(client)]);
  await completeJob(client, subtraction.job);
  const [sample, index] = await Promise.all([makeSample(client, 'Leaf'), buildIndex(client, reference)]);
  await completeJob(client, sample.job);
  await completeJob(client, index.job);
  return { subtraction: subtraction.id, sample: sample.id, reference, index: index.id };
}
