import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, test } from 'vitest';
import { TASKS } from '../../src/contracts/jobs.js';
import { PROCESS_TYPES } from '../../src/contracts/processes.js';
import { installRuntime } from '../../src/workers/runtime.js';
import { quietLogger } from '../support/logger.js';
import { workflowBundlePath } from '../support/servers.js';

const FOLDER = import.meta.dirname;
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));

beforeAll(() => installRuntime(quietLogger));

describe('stored histories', () => {
  test('exist for every job, every process and a BLAST', () => {
    const types = new Set(files.map((name) => name.split('.')[0]));
    expect([...types]).toEqual(expect.arrayContaining([...Object.keys(TASKS), ...Object.keys(PROCESS_TYPES), 'blast']));
  });

  // A change of the order of activities would leave the running jobs of a laboratory stuck after an update.
  test.each(files)('%s is replayed by the workflows of today', async (name) => {
    const history = JSON.parse(readFileSync(join(FOLDER, name), 'utf8'));
    await Worker.runReplayHistory({ workflowBundle: { codePath: workflowBundlePath() } }, history);
  });
});
