import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { findJob, followJob, followProcess, type OnProgress, type Session, waitForFile } from './client/follow.js';
import type { Client } from './client/http.js';
import { AnalysisAnswer, JobProductAnswer, Nothing, ReferenceAnswer, SampleAnswer } from './client/schemas.js';
import type { StepTime } from './report.js';
import type { Display } from './screen/display.js';
import { jobTimes, seconds } from './times.js';

const USER = 'demo';
const SUBTRACTION = 'Human chromosome 22';

/** The demo's files, by their names in the data folder. */
export const FILES = {
  reference: 'reference-small.json.gz',
  host: 'host.fa.gz',
  reads: 'single_small.fq.gz',
  truth: 'single_small.truth.json',
} as const;

/** Makes the first user with a random password and signs in as that user; gives the credentials. */
export async function signIn(client: Client): Promise<{ user: string; password: string }> {
  const password = randomBytes(9).toString('base64url');
  await client.send('PUT', '/api/users/first', Nothing, { user_id: USER, password });
  await client.send('POST', '/api/account/login', Nothing, { username: USER, password });
  return { user: USER, password };
}

/** What the walk has made. */
export type WalkResult = { sampleId: string; analysis: AnalysisAnswer; times: StepTime[] };

/** From uploads to the finished analysis. What does not depend on each other is asked for at the same time. */
export async function walk(session: Session, dataFolder: string, display: Display): Promise<WalkResult> {
  const steps = createSteps(session, display);
  const [reference, sample] = await Promise.all([
    prepareReference(session, steps, dataFolder),
    prepareSample(session, steps, dataFolder),
  ]);
  const { client } = session;
  const asked = await client.send('POST', `/api/samples/${sample}/analyses`, JobProductAnswer, {
    algorithm: 'pathoscope_bowtie',
    ref_id: reference,
  });
  await steps.job('Run Pathoscope', asked.job.id);
  const analysis = await client.send('GET', `/api/analyses/${asked.id}`, AnalysisAnswer);
  return { sampleId: sample, analysis, times: steps.times };
}

type Steps = ReturnType<typeof createSteps>;

async function prepareReference(session: Session, steps: Steps, folder: string): Promise<string> {
  const { client } = session;
  const file = await steps.upload('reference', join(folder, FILES.reference), FILES.reference);
  const reference = await client.send('POST', '/api/refs', ReferenceAnswer, {
    name: 'Plant viruses (small)',
    description: 'Part of the official reference, for the demo',
    import_from: file,
  });
  await steps.process('Import the reference', reference.process.id);
  const index = await client.send('POST', `/api/refs/${reference.id}/indexes`, JobProductAnswer);
  await steps.job('Build the index', index.job.id);
  return reference.id;
}

async function prepareSample(session: Session, steps: Steps, folder: string): Promise<string> {
  const { client } = session;
  const [host, reads] = await Promise.all([
    steps.upload('subtraction', join(folder, FILES.host), FILES.host),
    steps.upload('reads', join(folder, FILES.reads), FILES.reads),
  ]);
  const subtraction = await client.send('POST', '/api/subtractions', JobProductAnswer, {
    subtraction_id: SUBTRACTION,
    nickname: 'Host',
    file_id: host,
  });
  await steps.job('Create the subtraction', subtraction.job.id);
  const sample = await client.send('POST', '/api/samples', SampleAnswer, {
    name: 'Demo sample',
    host: 'Human',
    files: [reads],
    subtraction: SUBTRACTION,
  });
  await steps.job('Create the sample', await findJob(client, 'create_sample', { sample_id: sample.id }));
  return sample.id;
}

/** The steps of a walk: each is shown while it runs, and its times are kept. */
export function createSteps(session: Session, display: Display) {
  const times: StepTime[] = [];

  const shown = async <T>(
    title: string,
    work: (onProgress: OnProgress) => Promise<T>,
    note?: (result: T) => string,
  ) => {
    const line = display.begin(title);
    try {
      const result = await work(line.progress);
      line.done(note?.(result));
      return result;
    } catch (error) {
      if (session.signal.aborted) line.stopped();
      else line.failed();
      throw error;
    }
  };

  return {
    times,
    upload: (type: 'reads' | 'reference' | 'subtraction', path: string, name: string): Promise<string> =>
      shown(`Upload ${name}`, async () => {
        const id = await session.client.upload(type, name, path);
        await waitForFile(session, type, id);
        return id;
      }),
    job: async (title: string, id: string): Promise<void> => {
      const job = await shown(
        title,
        (onProgress) => followJob(session, id, onProgress),
        () => `job ${id}`,
      );
      times.push(jobTimes(title, job));
    },
    process: async (title: string, id: string): Promise<void> => {
      const begin = Date.now();
      await shown(
        title,
        (onProgress) => followProcess(session, id, onProgress),
        () => `process ${id}`,
      );
      times.push({ title, kind: 'process', id, seconds: seconds(Date.now() - begin), waitedSeconds: 0, steps: [] });
    },
  };
}
