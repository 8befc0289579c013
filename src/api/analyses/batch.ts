import type * as v from 'valibot';
import { jobStart, type StartableJob } from '../../contracts/workflow_starts.js';
import type { Algorithm } from '../../store/analyses.js';
import type { SampleDocument } from '../../store/samples/samples.js';
import type { ApiDeps, Workflows } from '../deps.js';
import type { Caller } from '../http/caller.js';
import { withId } from '../http/json.js';
import { Refusal } from '../http/refusals.js';
import { json, type RouteResult } from '../http/route.js';
import { findSample } from '../rights/samples.js';
import { findIndexedReference, type IndexedReference, newAnalysis, refuseAlgorithm, refuseUnready } from './create.js';
import type { CreateBatch } from './schemas.js';

/** Why something that a batch names cannot be part of it: what, and the `id` and `message` of the refusal of one analysis. */
type Problem = { sample_id?: string; ref_id?: string; algorithm?: string; id: string; message: string };

type Checked = {
  samples: SampleDocument[];
  references: IndexedReference[];
  algorithms: Algorithm[];
  problems: Problem[];
};

/**
 * Starts an analysis for every combination of samples, references and workflows: all of them, or none when anything is wrong, and then
 * the answer lists all that is.
 */
export async function createBatch(
  deps: ApiDeps,
  caller: Caller,
  body: v.InferOutput<typeof CreateBatch>,
): Promise<RouteResult> {
  const { samples, references, algorithms, problems } = await checkBatch(deps, caller, body);
  if (problems.length > 0) return refuseBatch(problems);
  const wanted = samples.flatMap((sample) =>
    references.flatMap((indexed) =>
      algorithms.map((algorithm) => newAnalysis(deps, caller, { algorithm, sample, ...indexed })),
    ),
  );
  const made = await deps.store.analyses.createAll(wanted);
  if (!made) return refuseBatch([{ id: 'not_found', message: 'A sample was removed meanwhile' }]);
  await startAll(
    deps.workflows,
    made.map(({ job }) => job),
  );
  return json({ analyses: made.map(({ analysis }) => withId(analysis)) }, 201);
}

async function checkBatch(deps: ApiDeps, caller: Caller, body: v.InferOutput<typeof CreateBatch>): Promise<Checked> {
  const checked: Checked = { samples: [], references: [], algorithms: [], problems: [] };
  const note = (what: Omit<Problem, 'id' | 'message'>, { id, message }: Refusal) =>
    checked.problems.push({ ...what, id, message });
  for (const sample_id of body.samples) {
    const sample = await findSample(deps.store, sample_id, caller, 'write');
    const refusal = sample instanceof Refusal ? sample : await refuseUnready(deps, sample);
    if (refusal) note({ sample_id }, refusal);
    else checked.samples.push(sample as SampleDocument);
  }
  for (const ref_id of body.references) {
    const indexed = await findIndexedReference(deps, caller, ref_id);
    if (indexed instanceof Refusal) note({ ref_id }, indexed);
    else checked.references.push(indexed);
  }
  for (const algorithm of body.workflows) {
    const refusal = await refuseAlgorithm(deps, algorithm);
    if (refusal) note({ algorithm }, refusal);
    else checked.algorithms.push(algorithm);
  }
  return checked;
}

function refuseBatch(problems: readonly Problem[]): Refusal {
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  return new Refusal(400, 'bad_request', `Nothing was started: ${count}`, { problems });
}

const STARTS_AT_ONCE = 8;
const START_LIMIT_MS = 5_000;

/** Starts the workflows of inserted jobs. What does not start in time is left to the reconciler, as Temporal is slow or away. */
async function startAll(workflows: Workflows, jobs: readonly StartableJob[]): Promise<void> {
  const deadline = performance.now() + START_LIMIT_MS;
  const queue = jobs.values();
  const lane = async () => {
    for (const job of queue) {
      if (performance.now() > deadline) return;
      await workflows.start(jobStart(job));
    }
  };
  await Promise.all(Array.from({ length: STARTS_AT_ONCE }, lane));
}
