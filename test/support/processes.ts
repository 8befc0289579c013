import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import type { ActivityDeps } from '../../src/activities/deps.js';
import type { ProcessError } from '../../src/contracts/processes.js';
import { randomId } from '../../src/store/database/ids.js';
import { newProcess, type ProcessDocument } from '../../src/store/processes.js';
import type { ReferenceDocument } from '../../src/store/references/references.js';
import { referenceOf } from './references.js';

const SILENT = new DefaultLogger('ERROR');

/** Runs an activity outside a worker; the environment's own log stays silent. */
export function runActivity<Input, Output>(activity: (input: Input) => Promise<Output>, input: Input): Promise<Output> {
  return new MockActivityEnvironment({}, { logger: SILENT }).run(activity, input) as Promise<Output>;
}

/** The entries with which an activity ended its process. */
export async function refusedWith(run: Promise<unknown>): Promise<ProcessError[]> {
  try {
    await run;
  } catch (error) {
    if (error instanceof ApplicationFailure && error.nonRetryable) return error.details?.[0] as ProcessError[];
    throw error;
  }
  throw new Error('The activity did not fail');
}

/** An import that has been asked for: uploaded file, empty reference and process. */
export async function requestImport(
  deps: ActivityDeps,
  path: string,
): Promise<{ reference: ReferenceDocument; process: ProcessDocument }> {
  const fileId = `${randomId()}-reference.json.gz`;
  copyFileSync(path, deps.data.file(fileId));
  const process = newProcess(randomId(), 'import_reference', { user_id: 'bob', path: join('files', fileId) });
  const reference = referenceOf({
    organism: null,
    data_type: null,
    imported_from: { id: fileId, name: 'reference.json.gz', user: { id: 'bob' } },
    process: { id: process._id },
  });
  process.context.ref_id = reference._id;
  await deps.store.references.insert(reference);
  await deps.store.database.transaction((session) => deps.store.processes.insert(process, session));
  return { reference, process };
}
