import { afterAll, beforeAll, expect, test } from 'vitest';
import { toStartOptions } from '../../src/contracts/start_options.js';
import { jobStart, processStart, type WorkflowStart } from '../../src/contracts/workflow_starts.js';
import { type TestNamespace, testNamespace } from '../support/namespace.js';

let namespace: TestNamespace;
beforeAll(async () => {
  namespace = await testNamespace();
});
afterAll(() => namespace?.dispose());

const start = (options: WorkflowStart) =>
  namespace.client.workflow.start(options.workflowType, toStartOptions(options));
const jobOf = (id: string, userId: string, name: string) =>
  jobStart({
    ...{ _id: id, task: 'create_subtraction', args: { subtraction_id: name }, proc: 1, mem: 1 },
    user: { id: userId },
  });

// Temporal counts bytes: 64 of a key, 400 of a summary.
const NAMES = [
  ['CJK', '植'.repeat(29)],
  ['Cyrillic', 'Вирус'.repeat(60)],
  ['emoji of several characters', '👩🏽‍🌾'.repeat(40)],
  ['combining marks', 'e\u0301'.repeat(300)],
  ['control characters and quotes', '\u0001"\\\n'.repeat(120)],
  ['half a surrogate pair', `a\ud83c${'b'.repeat(70)}`],
  ['right to left', 'فيروس '.repeat(60)],
] as const;

test.each(NAMES)('a user, a sample and a process with names in %s can be started', async (script, name) => {
  const job = await start(jobOf(`job ${script}`, name, name));
  const process = await start(processStart({ _id: `p ${script}`, type: 'clone_reference', userId: name }));
  for (const handle of [job, process]) expect((await handle.describe()).status.name).toBe('RUNNING');
});

test('keys are cut at a character, and stay two keys for two names', () => {
  const [left, right] = ['a', 'b'].map((ending) => jobOf('j', `${'植'.repeat(40)}${ending}`, 'x').fairnessKey);
  expect(left).not.toBe(right);
  for (const key of [left, right]) {
    expect(Buffer.byteLength(key as string)).toBeLessThanOrEqual(64);
    expect(key).toMatch(/^植+~[0-9a-f]{12}$/);
  }
  expect(jobOf('j', 'ann', 'x').fairnessKey).toBe('ann');
});
