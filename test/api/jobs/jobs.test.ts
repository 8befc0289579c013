import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JobState } from '../../../src/contracts/jobs.js';
import type { JobDocument } from '../../../src/store/jobs.js';
import { type Laboratory, laboratory } from '../../support/laboratory.js';

let lab: Laboratory;
beforeEach(async () => {
  lab = await laboratory({
    fred: {},
    canceller: { permissions: ['cancel_job'] },
    remover: { permissions: ['remove_job'] },
  });
});
afterEach(() => lab.dispose());

const at = (minute: number) => new Date(Date.UTC(2020, 0, 1, 0, minute));
const entry = (state: JobState, stage: string | null, progress: number, minute: number) => ({
  state,
  stage,
  error: null,
  progress,
  timestamp: at(minute),
});

async function addJob(id: string, states: JobState[], changes: Partial<JobDocument> = {}): Promise<void> {
  const later = states.map((state, index) => entry(state, 'unpack', state === 'complete' ? 1 : 0.33, index + 1));
  await lab.store.jobs.collection.insertOne({
    _id: id,
    task: 'create_subtraction',
    args: { subtraction_id: 'Vitis', file_id: 'f' },
    proc: 2,
    mem: 4,
    user: { id: 'bob' },
    status: [entry('waiting', null, 0, 0), ...later],
    ...changes,
  });
}

const writeLog = (id: string, text = 'a line\n') => writeFile(lab.data.jobLog(id), text);

describe('reading', () => {
  test('a job is sent whole, without what the server keeps for itself', async () => {
    await addJob('j1', ['running'], {
      step: { stage: 'unpack', fraction: 0.5, share: 0.2 },
      cancel_requested: true,
    });
    const { status, body } = await lab.send('fred', 'GET', '/api/jobs/j1');
    expect(status).toBe(200);
    expect(body).toEqual({
      id: 'j1',
      task: 'create_subtraction',
      args: { subtraction_id: 'Vitis', file_id: 'f' },
      proc: 2,
      mem: 4,
      user: { id: 'bob' },
      status: [
        { state: 'waiting', stage: null, error: null, progress: 0, timestamp: '2020-01-01T00:00:00Z' },
        { state: 'running', stage: 'unpack', error: null, progress: 0.33, timestamp: '2020-01-01T00:01:00Z' },
      ],
    });
  });

  test('an unknown job is 404', async () => {
    const { status, body } = await lab.send('fred', 'GET', '/api/jobs/unknown1');
    expect([status, body]).toEqual([404, { id: 'not_found', message: 'Not found' }]);
  });

  test('the list has the last state of each job, oldest first, and pages do not overlap', async () => {
    await addJob('late', ['running'], { status: [entry('waiting', null, 0, 9)] });
    await addJob('b', ['running', 'complete']);
    await addJob('a', ['running', 'error'], { task: 'build_index', user: { id: 'Ann' } });
    const { body } = await lab.send('fred', 'GET', '/api/jobs?per_page=2');
    expect(body).toMatchObject({ total_count: 3, found_count: 3, page_count: 2, per_page: 2, page: 1 });
    expect(body.documents).toEqual([
      expect.objectContaining({ id: 'a', state: 'error', stage: 'unpack', progress: 0.33 }),
      {
        id: 'b',
        task: 'create_subtraction',
        proc: 2,
        mem: 4,
        user: { id: 'bob' },
        state: 'complete',
        stage: 'unpack',
        progress: 1,
        created_at: '2020-01-01T00:00:00Z',
      },
    ]);
    const second = await lab.send('fred', 'GET', '/api/jobs?per_page=2&page=2');
    expect(second.body.documents.map((job: { id: string }) => job.id)).toEqual(['late']);
    const ids = async (find: string) => {
      const found = await lab.send('fred', 'GET', `/api/jobs?find=${find}`);
      expect(found.body.total_count).toBe(3);
      return found.body.documents.map((job: { id: string }) => job.id);
    };
    expect(await ids('BUILD')).toEqual(['a']);
    expect(await ids('bob')).toEqual(['b', 'late']);
    expect(await ids('.*')).toEqual([]);
  });

  test('the log is plain text, also a part of it; 404 without log, without job and for a path', async () => {
    await addJob('j1', ['running']);
    expect((await lab.send('fred', 'GET', '/api/jobs/j1/log')).status).toBe(404);
    await writeLog('j1', 'Stage: unpack\n<script>\n');
    const { status, headers, body } = await lab.send('fred', 'GET', '/api/jobs/j1/log');
    expect([status, body]).toEqual([200, 'Stage: unpack\n<script>\n']);
    expect(headers.get('Content-Type')).toBe('text/plain; charset=utf-8');
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
    const part = await lab.send('fred', 'GET', '/api/jobs/j1/log', undefined, { Range: 'bytes=7-12' });
    expect([part.status, part.body]).toEqual([206, 'unpack']);
    await writeLog('orphan');
    expect((await lab.send('fred', 'GET', '/api/jobs/orphan/log')).status).toBe(404);
    expect((await lab.send('fred', 'GET', '/api/jobs/..%2F..%2Fetc/log')).status).toBe(404);
  });
});

describe('cancelling', () => {
  test.each<JobState[][]>([[[]], [['running']]])('after %j the workflow is asked to stop', async (states) => {
    await addJob('j1', states);
    const askedAt = performance.now();
    const { status, body } = await lab.send('canceller', 'PUT', '/api/jobs/j1/cancel');
    expect(performance.now() - askedAt).toBeLessThan(4_000);
    expect(status).toBe(200);
    expect(body).toMatchObject({ id: 'j1', task: 'create_subtraction' });
    expect(body).not.toHaveProperty('cancel_requested');
    expect(lab.cancelled).toEqual(['job-j1']);
    expect(await lab.store.jobs.get('j1')).toMatchObject({ cancel_requested: true });
  });

  test('answers with what the job is at its end', async () => {
    await addJob('j1', []);
    // As the workflow does it: not before the request for it has been answered.
    lab.hooks.onCancel = async () => {
      setTimeout(() => void lab.store.jobs.close('j1', { state: 'cancelled', error: null }), 300);
    };
    const { body } = await lab.send('canceller', 'PUT', '/api/jobs/j1/cancel');
    expect(body.status.at(-1)).toMatchObject({ state: 'cancelled', stage: null, error: null });
  });

  test.each<JobState>(['complete', 'error', 'cancelled'])('of a job that is %s is refused', async (state) => {
    await addJob('j1', ['running', state]);
    const { status, body } = await lab.send('canceller', 'PUT', '/api/jobs/j1/cancel');
    expect([status, body]).toEqual([409, { id: 'conflict', message: 'Not cancellable' }]);
    expect(lab.cancelled).toEqual([]);
    expect(await lab.store.jobs.get('j1')).not.toHaveProperty('cancel_requested');
  });

  test('is for those with the permission, and 404 without job', async () => {
    expect((await lab.send('remover', 'PUT', '/api/jobs/unknown1/cancel')).status).toBe(403);
    expect((await lab.send('canceller', 'PUT', '/api/jobs/unknown1/cancel')).status).toBe(404);
  });
});

describe('removing', () => {
  test('takes an ended job and its log', async () => {
    await addJob('j1', ['running', 'error']);
    await writeLog('j1');
    expect((await lab.send('remover', 'DELETE', '/api/jobs/j1')).status).toBe(204);
    expect(await lab.store.jobs.get('j1')).toBeNull();
    expect(existsSync(lab.data.jobLog('j1'))).toBe(false);
  });

  test('is refused before the end, without the permission and without job', async () => {
    for (const states of [[], ['running']] as JobState[][]) {
      await addJob(`j${states.length}`, states);
      const { status, body } = await lab.send('remover', 'DELETE', `/api/jobs/j${states.length}`);
      expect([status, body.message]).toEqual([409, 'Job is running or waiting and cannot be removed']);
    }
    expect((await lab.send('canceller', 'DELETE', '/api/jobs/j1')).status).toBe(403);
    expect((await lab.send('remover', 'DELETE', '/api/jobs/unknown1')).status).toBe(404);
  });
});

describe('clearing', () => {
  beforeEach(async () => {
    for (const state of ['complete', 'error', 'cancelled'] as const) {
      await addJob(state, ['running', state]);
      await writeLog(state);
    }
    await addJob('running', ['running']);
    await addJob('waiting', []);
    // An old release could append a state to a final one.
    await addJob('both', ['complete', 'cancelled']);
  });

  const clear = async (query: string): Promise<string[]> => {
    const { status, body } = await lab.send('remover', 'DELETE', `/api/jobs${query}`);
    expect(status).toBe(200);
    return body.removed.sort();
  };

  test.each([
    ['', ['both', 'cancelled', 'complete', 'error']],
    ['?filter=finished', ['both', 'cancelled', 'complete', 'error']],
    ['?filter=complete', ['complete']],
    ['?filter=failed', ['both', 'cancelled', 'error']],
    ['?filter=whatever', []],
  ])('with %j removes the jobs whose last state is meant, and their logs', async (query, removed) => {
    expect(await clear(query)).toEqual(removed);
    const left = await lab.store.jobs.collection.find().toArray();
    const all = ['both', 'cancelled', 'complete', 'error', 'running', 'waiting'];
    expect(left.map((job) => job._id).sort()).toEqual(all.filter((id) => !removed.includes(id)));
    for (const id of ['complete', 'error', 'cancelled']) {
      expect(existsSync(lab.data.jobLog(id)), id).toBe(!removed.includes(id));
    }
  });

  // The original kept the changed list of states from one call to the next.
  test('does not remember an earlier filter', async () => {
    await clear('?filter=whatever');
    await clear('?filter=failed');
    await addJob('failed again', ['error']);
    expect(await clear('?filter=complete')).toEqual(['complete']);
  });

  test('is for those with the permission', async () => {
    expect((await lab.send('canceller', 'DELETE', '/api/jobs')).status).toBe(403);
  });
});
