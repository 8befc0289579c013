import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createBlastActivities } from '../../src/activities/blast.js';
import type { ActivityDeps } from '../../src/activities/deps.js';
import { BLAST_PACE, type BlastPace, blastError, blastWorkflowId } from '../../src/contracts/blast.js';
import { QUEUES } from '../../src/contracts/jobs.js';
import type { RemoteServices } from '../../src/contracts/remote.js';
import { toStartOptions } from '../../src/contracts/start_options.js';
import { blastStart } from '../../src/contracts/workflow_starts.js';
import { createBlastService } from '../../src/remote/blast.js';
import { type BlastServer, RESULT, startBlastServer, statusPage } from '../support/blast_server.js';
import { quietLogger } from '../support/logger.js';
import { type TestNamespace, testNamespace } from '../support/namespace.js';
import { bareContigs, insertNuvsAnalysis } from '../support/nuvs_analysis.js';
import { unreachableServices } from '../support/remote.js';
import { workflowBundlePath } from '../support/servers.js';
import { type TestStore, testStore } from '../support/store.js';
import { waitFor } from '../support/wait.js';

const PACE: BlastPace = { first: 0.02, second: 0.05, growth: 0.01, longest: 0.1, limit: 6_000, troubles: 3 };
const SEARCH = { analysisId: 'a1', index: 1, rid: 'RID00001' };

let lab: TestStore;
let server: BlastServer;
let namespace: TestNamespace;
let deps: ActivityDeps & { remote: RemoteServices };
let stopWorker: () => Promise<void>;
beforeAll(async () => {
  [namespace, server, lab] = await Promise.all([testNamespace(), startBlastServer(), testStore()]);
  const blast = createBlastService({ userAgent: 'test', limitMs: 1_000 }, server.url);
  deps = { store: lab.store, data: lab.data, log: quietLogger, remote: { ...unreachableServices(), blast } };
  stopWorker = await startWorker();
});
afterAll(async () => {
  await stopWorker?.();
  await server?.close();
  await lab?.dispose();
  await namespace?.dispose();
});

let defaults: Pick<BlastServer, 'status' | 'result'>;
beforeEach(async () => {
  defaults ??= { status: server.status, result: server.result };
  Object.assign(server, defaults, { asked: [] });
  await lab.store.analyses.collection.deleteMany({});
  await insertNuvsAnalysis(lab.store, { results: bareContigs('ACGT', 'GGCC') });
  runs += 1;
});

async function startWorker(): Promise<() => Promise<void>> {
  const worker = await Worker.create({
    connection: namespace.native,
    namespace: namespace.namespace,
    taskQueue: QUEUES.control,
    workflowBundle: { codePath: workflowBundlePath() },
    activities: createBlastActivities(deps),
    maxHeartbeatThrottleInterval: '500ms',
    stickyQueueScheduleToStartTimeout: '1s',
  });
  const running = worker.run();
  return async () => {
    worker.shutdown();
    await running;
  };
}

// Each test has a search of its own, as a workflow id can be used once.
let runs = 0;
const search = () => ({ ...SEARCH, rid: `RID${String(runs).padStart(5, '0')}` });

async function begin(pace: Partial<BlastPace> = {}): Promise<WorkflowHandle> {
  await lab.store.blast.begin(search(), BLAST_PACE.first);
  const start = blastStart(search(), 's1', { ...PACE, ...pace });
  return namespace.client.workflow.start(start.workflowType, toStartOptions(start));
}

const stored = async () => (await lab.store.analyses.get('a1'))?.blasts?.find(({ index }) => index === 1);
const waiting = (response: { end(text: string): void }) => response.end(statusPage('WAITING'));

/** Answers `WAITING` until so many have asked. */
function readyAfter(questions: number): void {
  server.status = (response) =>
    server.count('status') > questions ? response.end(statusPage('READY')) : waiting(response);
}

async function expectFailure(handle: WorkflowHandle, reason: Parameters<typeof blastError>[0]): Promise<void> {
  await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
  expect(await stored()).toMatchObject({ state: 'failed', error: blastError(reason) });
  expect(await stored()).not.toHaveProperty('result');
}

describe('a BLAST', () => {
  test('is asked for until its result is there, in longer and longer intervals', async () => {
    readyAfter(2);
    await (await begin()).result();
    expect(await stored()).toMatchObject({ index: 1, rid: search().rid, state: 'done', result: RESULT });
    expect((await stored())?.interval).toBeCloseTo(0.06);
    expect(server.asked.map(({ kind }) => kind)).toEqual(['status', 'status', 'status', 'result']);
    expect(server.asked.every(({ query }) => query.RID === search().rid)).toBe(true);
  });

  test('goes on with another worker where the first one stopped, and asks no more than it must', async () => {
    server.status = waiting;
    const handle = await begin();
    await waitFor(() => server.count('status') >= 2, 'questions');
    await stopWorker();
    const asked = server.count('status');
    expect(await stored()).toMatchObject({ state: 'waiting' });
    readyAfter(asked + 1);
    stopWorker = await startWorker();
    await handle.result();
    expect(await stored()).toMatchObject({ state: 'done', result: RESULT });
    expect(server.count('status')).toBe(asked + 2);
  });

  test.each(['failed', 'unknown'] as const)('that NCBI calls %s ends at once', async (status) => {
    server.status = (response) => response.end(statusPage(status.toUpperCase()));
    await expectFailure(await begin(), status);
    expect(server.asked).toHaveLength(1);
  });

  test('survives trouble, and a result that comes broken at first', async () => {
    server.status = (response) => {
      const asked = server.count('status');
      if (asked === 1) response.writeHead(503).end();
      else if (asked === 2) response.destroy();
      else if (asked === 3) waiting(response);
      else response.end(statusPage('READY'));
    };
    server.result = (response, question) => {
      if (server.count('result') === 1) response.end('<html>');
      else defaults.result(response, question);
    };
    await (await begin()).result();
    expect(await stored()).toMatchObject({ state: 'done', result: RESULT });
    expect(server.count('status')).toBe(5);
  });

  test.each([
    ['refused', (response: { writeHead(status: number): { end(): void } }) => response.writeHead(500).end()],
    ['unreadable', (response: { end(text: string): void }) => response.end('<html>')],
    ['unreachable', (response: { destroy(): void }) => response.destroy()],
  ] as const)('that is %s again and again ends', async (reason, respond) => {
    server.status = respond as BlastServer['status'];
    await expectFailure(await begin(), reason);
    expect(server.asked).toHaveLength(PACE.troubles);
  });

  test('that takes too long ends', async () => {
    server.status = waiting;
    await expectFailure(await begin({ limit: 0.15 }), 'too_slow');
    expect(server.asked).toHaveLength(3);
  });

  test('that is cancelled says so', async () => {
    server.status = waiting;
    const handle = await begin({ second: 600, longest: 600 });
    await waitFor(() => server.count('status') === 1, 'the first question');
    await handle.cancel();
    await expectFailure(handle, 'stopped');
  });

  test('whose result does not fit into the analysis ends', async () => {
    const { complete } = lab.store.blast;
    lab.store.blast.complete = async () => {
      throw new RangeError('the document is too large');
    };
    await expectFailure(await begin(), 'bug').finally(() => {
      lab.store.blast.complete = complete;
    });
  });
});

describe('a BLAST that NCBI did not take at once', () => {
  const pending = () => ({ analysisId: 'a1', index: 1, rid: null, ticket: `ticket${runs}` });
  const beginPending = async (pace: Partial<BlastPace> = {}) => {
    await lab.store.blast.begin(pending(), BLAST_PACE.first);
    const start = blastStart(pending(), 's1', { ...PACE, ...pace });
    return namespace.client.workflow.start(start.workflowType, toStartOptions(start));
  };

  test('is handed in as soon as that can be done, and goes on like any other', async () => {
    const { submit } = server;
    server.submit = (response, question) => {
      if (server.count('submit') < 3) response.writeHead(503).end();
      else submit(response, question);
    };
    await (await beginPending()).result();
    server.submit = submit;
    expect(await stored()).toMatchObject({
      ticket: pending().ticket,
      rid: expect.stringMatching(/^RID/),
      state: 'done',
    });
    expect(server.asked.filter(({ kind }) => kind === 'submit').map(({ form }) => form)).toEqual([
      'QUERY=GGCC',
      'QUERY=GGCC',
      'QUERY=GGCC',
    ]);
  });

  test('says after its limit why it was not', async () => {
    const { submit } = server;
    server.submit = (response) => response.destroy();
    await expectFailure(await beginPending(), 'unreachable').finally(() => {
      server.submit = submit;
    });
    expect(server.count('submit')).toBe(PACE.troubles);
    expect(await stored()).toMatchObject({ rid: null });
  });

  test('is not handed in twice by a worker that could not say that it was', async () => {
    const handle = await beginPending({ first: 1 });
    await lab.store.blast.submitted(pending(), 1, 'RID99999');
    await handle.result();
    expect(server.count('submit')).toBe(0);
    expect(await stored()).toMatchObject({ rid: 'RID99999', state: 'done' });
  });

  test('whose contig is gone ends', async () => {
    await lab.store.analyses.collection.updateOne({ _id: 'a1' }, { $set: { results: bareContigs('ACGT') } });
    await expectFailure(await beginPending(), 'no_contig');
  });
});

describe('nobody waits any more', () => {
  const untilAsked = async (pace: Partial<BlastPace>) => {
    server.status = waiting;
    const handle = await begin(pace);
    await waitFor(() => server.count('status') === 1, 'the first question');
    return handle;
  };

  test('when the analysis is gone: the BLAST ends by itself and leaves no trace', async () => {
    const handle = await untilAsked({ second: 1 });
    await lab.store.analyses.remove('a1');
    await handle.result();
    expect(server.asked).toHaveLength(1);
    expect(await lab.store.analyses.get('a1')).toBeNull();
  });

  test('when another BLAST of the contig has begun: the first one ends, and changes nothing', async () => {
    const handle = await untilAsked({ second: 1 });
    await lab.store.blast.begin({ ...SEARCH, rid: 'OTHER' }, BLAST_PACE.first);
    await handle.result();
    expect(server.asked).toHaveLength(1);
    expect(await stored()).toMatchObject({ rid: 'OTHER', state: 'waiting', interval: BLAST_PACE.first });
  });

  test('when a cancelled analysis is gone too', async () => {
    const handle = await untilAsked({ second: 600, longest: 600 });
    await lab.store.analyses.remove('a1');
    await namespace.client.workflow.getHandle(blastWorkflowId(search())).cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    expect(await lab.store.analyses.get('a1')).toBeNull();
  });
});

// NCBI asks for this, and blocks those who do not keep to it.
test('the pace of a server is no more than one question a minute, and ends within the day for which results are kept', () => {
  expect(BLAST_PACE.second).toBeGreaterThanOrEqual(60);
  expect(BLAST_PACE.longest).toBeGreaterThanOrEqual(BLAST_PACE.second);
  expect(BLAST_PACE.limit).toBeLessThanOrEqual(24 * 3_600);
});
