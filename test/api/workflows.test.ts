import { createServer } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createWorkflows } from '../../src/api/workflows.js';
import { jobStart, type WorkflowStart } from '../../src/contracts/workflow_starts.js';
import { type TestNamespace, testNamespace } from '../support/namespace.js';
import { uniqueName } from '../support/servers.js';
import { waitFor } from '../support/wait.js';

let temporal: TestNamespace;
beforeAll(async () => {
  temporal = await testNamespace();
});
afterAll(() => temporal.dispose());

type Line = { level: number; msg: string; workflowId?: string };

function connect(options: { address?: string; namespace?: string } = {}) {
  const lines: Line[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const { address, namespace } = temporal;
  return { lines, workflows: createWorkflows({ address, namespace, log, ...options }) };
}

function newStart(): WorkflowStart {
  const job = { _id: uniqueName('job'), task: 'create_sample', args: { sample_id: 's1' }, proc: 1, mem: 1 };
  return jobStart({ ...job, user: { id: 'bob' } });
}

test('a job becomes a workflow that an operator can find by user, task and sample', async () => {
  const { workflows, lines } = connect();
  const start = newStart();
  await workflows.start(start);
  const handle = temporal.client.workflow.getHandle(start.workflowId);
  expect(await handle.describe()).toMatchObject({ type: 'create_sample', status: { name: 'RUNNING' } });
  const query = `JobUser = 'bob' AND JobTask = 'create_sample' AND SampleId = 's1'`;
  expect(await waitFor(async () => (await temporal.client.workflow.count(query)).count, 'the workflow is listed')).toBe(
    1,
  );
  expect(lines).toEqual([]);
  await workflows.close();
});

test('a second start finds the first run, also when that has ended', async () => {
  const { workflows, lines } = connect();
  const start = newStart();
  await workflows.start(start);
  const handle = temporal.client.workflow.getHandle(start.workflowId);
  const { runId } = await handle.describe();
  await workflows.start(start);
  expect((await handle.describe()).runId).toBe(runId);
  await handle.terminate();
  await workflows.start(start);
  expect(await handle.describe()).toMatchObject({ runId, status: { name: 'TERMINATED' } });
  expect(lines).toEqual([]);
  await workflows.close();
});

test('a cancel is asked for once and again, and of an unknown workflow it is done already', async () => {
  const { workflows, lines } = connect();
  const start = newStart();
  await workflows.start(start);
  await workflows.cancel(start.workflowId);
  await workflows.cancel(start.workflowId);
  await workflows.cancel('job-unknown');
  const { events } = await temporal.client.workflow.getHandle(start.workflowId).fetchHistory();
  expect(events?.filter((event) => event.workflowExecutionCancelRequestedEventAttributes)).toHaveLength(1);
  expect(lines).toEqual([]);
  await workflows.close();
});

test('it tells whether Temporal answers for its namespace', async () => {
  const { workflows } = connect();
  expect(await workflows.isReachable()).toBe(true);
  await workflows.close();
  const lost = connect({ namespace: 'nowhere' });
  expect(await lost.workflows.isReachable()).toBe(false);
  await lost.workflows.close();
});

// The job is in the database by then, so the reconciler starts or cancels it.
test('what Temporal refuses or does not hear is logged and no error of the request', async () => {
  const refused = connect({ namespace: 'nowhere' });
  await refused.workflows.start(newStart());
  await refused.workflows.cancel('job-x');
  const unknown = newStart();
  unknown.attributes = { ['Misspelt' as 'JobUser']: 'bob' };
  const known = connect();
  await known.workflows.start(unknown);
  const away = connect({ address: `127.0.0.1:${await closedPort()}` });
  const start = newStart();
  await Promise.all([away.workflows.start(start), away.workflows.cancel(start.workflowId)]);
  expect(await away.workflows.isReachable()).toBe(false);
  expect(refused.lines).toHaveLength(2);
  expect(known.lines).toHaveLength(1);
  expect(away.lines.map(({ level, workflowId }) => ({ level, workflowId }))).toEqual([
    { level: 40, workflowId: start.workflowId },
    { level: 40, workflowId: start.workflowId },
  ]);
  for (const each of [refused, known, away]) await each.workflows.close();
});

// A port that was just free, so nobody listens there.
function closedPort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 1));
    });
  });
}
