import type { Collection, Document, Filter } from 'mongodb';
import { FINAL_STATES, type Task } from '../contracts/jobs.js';
import type { Stored } from '../store/database/database.js';
import type { Store } from '../store/index.js';
import type { JobDocument } from '../store/jobs.js';

const BATCH = 500;

/** Documents that may lack fields, as other releases wrote them. */
export type Loose = Stored & Record<string, unknown>;

/** Jobs that have not ended. */
export const UNFINISHED = { 'status.state': { $nin: [...FINAL_STATES] } } as Filter<JobDocument>;

/** All documents of a filter by id; those whose id is no text are left out. They may be changed on the way. */
export async function* eachDocument<T extends Stored>(
  collection: Collection<T>,
  filter: object,
  projection: Document,
): AsyncGenerator<T> {
  const found = collection.find(filter as Filter<T>, { projection, batchSize: BATCH }).sort({ _id: 1 });
  for await (const document of found) if (typeof document._id === 'string') yield document as T;
}

/** Groups what comes into lists of the size of a batch. */
export async function* inBatches<T>(all: AsyncIterable<T>): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const one of all) {
    batch.push(one);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Those of the ids that the collection has. */
export async function knownIds(collection: Collection<Loose>, ids: readonly string[]): Promise<Set<string>> {
  const found = await collection
    .find({ _id: { $in: [...ids] } })
    .project<Stored>({ _id: 1 })
    .toArray();
  return new Set(found.map(({ _id }) => _id));
}

/** The values of an argument in the jobs of these tasks that have not ended. */
export async function workedOn(store: Store, tasks: readonly Task[], argument: string): Promise<Set<string>> {
  const values = new Set<string>();
  const open = eachDocument(
    store.jobs.collection,
    { task: { $in: tasks }, ...UNFINISHED },
    { [`args.${argument}`]: 1 },
  );
  for await (const { args } of open) {
    const value = textOf(args?.[argument]);
    if (value !== undefined) values.add(value);
  }
  return values;
}

/** The value when it is a text that is not empty. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The id in `{id}`, as documents name each other. */
export function idIn(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null && 'id' in value ? textOf(value.id) : textOf(value);
}

/** The ids in a list of ids or of `{id}`. */
export function idsIn(list: unknown): string[] {
  return Array.isArray(list) ? list.flatMap((one) => idIn(one) ?? []) : [];
}
