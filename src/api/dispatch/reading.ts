import type { Document } from 'mongodb';
import type { Logger } from '../../log.js';
import type { Change } from '../../store/database/change_feed.js';
import type { Database, Stored } from '../../store/database/database.js';
import type { Store } from '../../store/index.js';
import { encodeJson } from '../http/json.js';
import { type Audience, PARENTS, type Parent } from './audiences.js';
import type { BulkWork } from './bulk_work.js';
import { INTERFACES, type Interface, type WireDocument } from './interfaces.js';
import { ADMINISTRATORS, type Visibility } from './visibility.js';

/** A changed document as it is now, and who may see it. */
export type Seen = {
  wire: WireDocument;
  visibility: Visibility;
  /** Its JSON text, encoded once. */
  content(): string;
};

/** What is left of some changes of an interface: documents by id, and the references that stand for others. */
export type ReadChanges = { seen: Map<string, Seen>; standIns: Set<string> };

/** What reading needs. */
export type Reading = { store: Store; bulkWork: Pick<BulkWork, 'isBusy' | 'isCrowd'>; log: Logger };

type Read = Document & Stored;

const SLICE = 500;
const CATCH_UP = 500;

/** Reads documents of an interface again, with the fields of the wire only. What is gone meanwhile is left out. */
export async function readChanges(
  { store, bulkWork, log }: Reading,
  target: Interface,
  ids: readonly string[],
): Promise<ReadChanges> {
  const { database } = store;
  if (target.crowd !== undefined && bulkWork.isCrowd(target.collection, ids.length, target.crowd)) {
    return { seen: new Map(), standIns: await referencesOf(database, target, ids, bulkWork) };
  }
  const seen = new Map<string, Seen>();
  for (const slice of slices(ids)) {
    const documents = await findByIds(database, target, slice, target.projection);
    const wanted = target.standIn ? documents.filter(({ reference }) => !bulkWork.isBusy(reference?.id)) : documents;
    const visibilities = await readVisibilities(database, target.audience, wanted);
    const extras = await target.extras?.(
      store,
      wanted.map(({ _id }) => _id),
    );
    wanted.forEach((document, index) => {
      const visibility = visibilities[index];
      if (!visibility) return;
      try {
        const wire = { ...target.toWire(document), ...extras?.get(document._id) };
        seen.set(document._id, { wire, visibility, content: once(() => encodeJson(wire)) });
      } catch (err) {
        // A document that an old release left in another form must not hold up the others.
        log.error({ err, collection: target.collection, id: document._id }, 'document cannot be dispatched');
      }
    });
  }
  return { seen, standIns: new Set() };
}

/** Changes that make up for lost messages: the newest documents of each interface as updates. */
export async function newestOfAll(database: Database): Promise<Change[]> {
  const changes: Change[] = [];
  for (const { collection, newest, ids } of INTERFACES) {
    if (!newest) continue;
    const found = await database
      .collection(collection)
      .find(ids ? { _id: { $in: [...ids] } } : {})
      .project<Stored>({ _id: 1 })
      .sort(newest)
      .limit(CATCH_UP)
      .toArray();
    changes.push(...found.map(({ _id }): Change => ({ collection, id: _id, operation: 'update' })));
  }
  return changes;
}

async function referencesOf(
  database: Database,
  target: Interface,
  ids: readonly string[],
  { isBusy }: Reading['bulkWork'],
): Promise<Set<string>> {
  const references = new Set<string>();
  if (!target.standIn) return references;
  for (const slice of slices(ids)) {
    for (const { reference } of await findByIds(database, target, slice, { 'reference.id': 1 })) {
      if (typeof reference?.id === 'string' && !isBusy(reference.id)) references.add(reference.id);
    }
  }
  return references;
}

async function readVisibilities(
  database: Database,
  audience: Audience,
  documents: readonly Read[],
): Promise<Visibility[]> {
  const parts = documents.map((document) => audience.of(document));
  const known = new Map<string, Visibility>();
  for (const kind of ['samples', 'references', 'jobs'] as const) {
    const ids = parts.flat().flatMap((part) => ('parent' in part && part.parent === kind ? [part.id] : []));
    if (ids.length === 0) continue;
    const { projection, audience: ofParent } = PARENTS[kind];
    const parents = await database
      .collection<Read>(kind)
      .find({ _id: { $in: [...new Set(ids)] } })
      .project<Read>(projection)
      .toArray();
    const visibilities = await readVisibilities(database, ofParent, parents);
    for (const [index, { _id }] of parents.entries())
      known.set(`${kind}/${_id}`, visibilities[index] ?? ADMINISTRATORS);
  }
  const resolve = (part: Visibility | Parent) =>
    'parent' in part ? (known.get(`${part.parent}/${part.id}`) ?? ADMINISTRATORS) : part;
  return parts.map((of) => ({ kind: 'any', of: of.map(resolve) }));
}

function findByIds(
  database: Database,
  { collection }: Interface,
  ids: readonly string[],
  projection: Document,
): Promise<Read[]> {
  return database
    .collection<Read>(collection)
    .find({ _id: { $in: [...ids] } })
    .project<Read>(projection)
    .toArray();
}

function slices(ids: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(ids.length / SLICE) }, (_, at) => ids.slice(at * SLICE, (at + 1) * SLICE));
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
