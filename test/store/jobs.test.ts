import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stepProgress, TASKS, type Task } from '../../src/contracts/jobs.js';
import { randomId } from '../../src/store/database/ids.js';
import { jobState, toJobListItem } from '../../src/store/jobs.js';
import { type TestStore, testStore } from '../support/store.js';

let context: TestStore;
beforeAll(async () => {
  context = await testStore();
});
afterAll(() => context.dispose());

const jobs = () => context.store.jobs;
async function insertJob(): Promise<string> {
  const jobId = randomId();
  const job = { _id: jobId, task: 'build_index', args: {}, proc: 2, mem: 4, userId: 'ann' };
  await context.store.database.transaction((session) => jobs().insert(job, session));
  return jobId;
}
const statesOf = async (jobId: string) => (await jobs().get(jobId))?.status.map((entry) => entry.state);

describe('a job document', () => {
  test('begins as waiting', async () => {
    const job = await jobs().get(await insertJob());
    expect(job?.status).toEqual([
      { state: 'waiting', stage: null, error: null, progress: 0, timestamp: expect.any(Date) },
    ]);
  });

  test('is completed in the transaction of its product, after its steps', async () => {
    const jobId = await insertJob();
    await jobs().startStep(jobId, 'bowtie_build', 0.6);
    await jobs().reportProgress(jobId, 'bowtie_build', 0.5, 0.2);
    const closed = await context.store.database.transaction((session) =>
      jobs().close(jobId, { state: 'complete', error: null, stage: 'replace_old' }, session),
    );
    expect(closed).toBe(true);
    expect(await statesOf(jobId)).toEqual(['waiting', 'running', 'complete']);
    const job = await jobs().get(jobId);
    expect(job?.status.at(-1)).toMatchObject({ stage: 'replace_old', progress: 1 });
    expect(job?.step).toBeUndefined();
  });

  // A step may run twice.
  test('keeps each note once', async () => {
    const jobId = await insertJob();
    const note = { stage: 'assemble', text: 'tried again' };
    for (const text of ['tried again', 'tried again', 'reused']) await jobs().addNote(jobId, { ...note, text });
    expect((await jobs().get(jobId))?.notes).toEqual([
      { ...note, timestamp: expect.any(Date) },
      { ...note, text: 'reused', timestamp: expect.any(Date) },
    ]);
  });

  test('never leaves a final state, whoever comes late', async () => {
    const jobId = await insertJob();
    expect(await jobs().close(jobId, { state: 'cancelled', error: null })).toBe(true);
    expect(await jobs().close(jobId, { state: 'complete', error: null })).toBe(false);
    expect(await jobs().startStep(jobId, 'bowtie_build', 0.6)).toBe(false);
    expect(await jobs().requestCancel(jobId)).toBe(false);
    await jobs().reportProgress(jobId, 'bowtie_build', 0.5, 0.2);
    expect(await statesOf(jobId)).toEqual(['waiting', 'cancelled']);
  });

  // The queue of writers ends in one final state, whichever of them it is.
  test('takes one of many final states that come at once', async () => {
    const jobId = await insertJob();
    const ends = Array.from({ length: 8 }, (_, index) =>
      jobs().close(jobId, { state: index % 2 ? 'complete' : 'cancelled', error: null }),
    );
    expect((await Promise.all(ends)).filter(Boolean)).toHaveLength(1);
    expect(await statesOf(jobId)).toHaveLength(2);
  });

  test('shows the last status, and the progress of the running step as part of the job', async () => {
    const jobId = await insertJob();
    await jobs().startStep(jobId, 'write_fasta', 0.4);
    await jobs().reportProgress(jobId, 'write_fasta', 0.5, 0.2);
    const job = await jobs().get(jobId);
    expect(toJobListItem(job as never)).toMatchObject({ state: 'running', stage: 'write_fasta', progress: 0.5 });
    expect(jobState(job as never)).toBe('running');
  });

  test('names the steps that have begun, each once', async () => {
    const jobId = await insertJob();
    for (const stage of ['mk_index_dir', 'write_fasta', 'mk_index_dir']) await jobs().startStep(jobId, stage, 0.4);
    expect(await jobs().begunStages(jobId)).toEqual([null, 'mk_index_dir', 'write_fasta']);
    expect(await jobs().begunStages('gone')).toEqual([]);
  });

  test.each(Object.keys(TASKS) as Task[])('of %s never shows less when its next step begins', (task) => {
    const count = TASKS[task].steps.length;
    for (let index = 0; index < count; index += 1) {
      const status = {
        state: 'running' as const,
        stage: 's',
        error: null,
        progress: stepProgress(index, count),
        timestamp: new Date(),
      };
      const step = { stage: 's', fraction: 1, share: 1 / (count + 1) };
      const job = { _id: 'j', task, args: {}, proc: 1, mem: 1, user: { id: 'ann' }, status: [status], step };
      expect(toJobListItem(job).progress).toBeLessThanOrEqual(stepProgress(index + 1, count));
    }
  });

  test('is found by task and user, oldest first, page by page', async () => {
    const page = await jobs().list({}, 'BUILD', { page: 1, perPage: 2 });
    expect(page.documents).toHaveLength(2);
    expect(page.found_count).toBe(page.total_count);
    expect((await jobs().list({}, 'nothing', { page: 1, perPage: 2 })).found_count).toBe(0);
  });

  test('is removed only when it has ended', async () => {
    const jobId = await insertJob();
    expect(await jobs().removeEnded(jobId)).toBe(false);
    await jobs().close(jobId, { state: 'complete', error: null });
    expect(await jobs().removeEnded(jobId)).toBe(true);
  });

  test('is cleared by its last state', async () => {
    const [failed, done] = [await insertJob(), await insertJob()];
    await jobs().close(failed, { state: 'error', error: null });
    await jobs().close(done, { state: 'complete', error: null });
    expect(await jobs().clear({}, ['error'])).toEqual([failed]);
    expect(await jobs().get(done)).not.toBeNull();
  });
});
