import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '../../log.js';
import type { Change, ChangeBatch, Operation } from '../../store/database/change_feed.js';
import type { Store } from '../../store/index.js';
import { encodeJson } from '../http/json.js';
import { createBulkWork } from './bulk_work.js';
import { INTERFACES, type Interface, type WireDocument } from './interfaces.js';
import { newestOfAll, readChanges, type Seen } from './reading.js';
import { createMemory, maySee, type Viewer, type Visibility } from './visibility.js';

/** A browser that messages are sent to. */
export type Receiver = { readonly viewer: Viewer; send(text: string): void };

/** Turns changes into messages. */
export type Dispatcher = {
  /** Reads the changed documents again and sends each to those who may see it, in the order of the changes. */
  dispatch(batch: ChangeBatch): Promise<void>;
  /** Learns which documents jobs are making now; for a browser that has missed their insertion. */
  learnUnfinished(): Promise<void>;
};

type Changes = { changes: readonly Change[]; seen: Map<Interface, Map<string, Seen>> };

const MESSAGES_PER_TURN = 200;
const SHOWN = 2_000;

/** Creates the dispatcher; `receivers` gives the browsers of the moment. */
export function createDispatcher(store: Store, log: Logger, receivers: () => ReadonlySet<Receiver>): Dispatcher {
  const memory = createMemory<Visibility>();
  const shown = createMemory<string>(SHOWN);
  const unfinished = createMemory<WireDocument>(SHOWN);
  const bulkWork = createBulkWork(store.database);

  const send = (operation: Operation, target: Interface, data: unknown, to: (viewer: Viewer) => boolean): void => {
    let text: string | undefined;
    for (const receiver of receivers()) {
      if (!to(receiver.viewer)) continue;
      text ??= encodeJson({ operation, interface: target.collection, data });
      receiver.send(text);
    }
  };

  const isNews = ({ collection, onlyNews }: Interface, { id, operation }: Change, { wire }: Seen): boolean => {
    if (!onlyNews) return true;
    const text = encodeJson(wire);
    const isNew = operation === 'insert' || shown.get(collection, id) !== text;
    shown.set(collection, id, text);
    return isNew;
  };

  const remember = (target: Interface, id: string, { wire, visibility }: Seen): void => {
    memory.set(target.collection, id, visibility);
    if (target.isUnfinished?.(wire)) unfinished.set(target.collection, id, wire);
    else unfinished.delete(target.collection, id);
  };

  const sendDocument = (target: Interface, change: Change, { wire, visibility }: Seen): void => {
    const before = memory.get(target.collection, change.id);
    remember(target, change.id, { wire, visibility });
    const operation = shownAs(target, change.operation);
    if (operation) send(operation, target, wire, (viewer) => maySee(viewer, visibility));
    // Whoever may no longer see it learns no more than that it is gone.
    if (before && target.operations.includes('delete')) {
      send('delete', target, [change.id], (viewer) => maySee(viewer, before) && !maySee(viewer, visibility));
    }
  };

  const sendLastStates = (target: Interface, ids: readonly string[]): void => {
    for (const id of ids) {
      const wire = unfinished.get(target.collection, id);
      const visibility = memory.get(target.collection, id);
      unfinished.delete(target.collection, id);
      if (wire && visibility) send('update', target, wire, (viewer) => maySee(viewer, visibility));
    }
  };

  const sendDeletions = (target: Interface, ids: readonly string[]): void => {
    sendLastStates(target, ids);
    const known = ids.map((id) => ({ id, visibility: memory.get(target.collection, id) ?? target.forgotten }));
    for (const id of ids) memory.delete(target.collection, id);
    if (!target.operations.includes('delete')) return;
    for (const { viewer, send: sendText } of receivers()) {
      const data = known.filter(({ visibility }) => maySee(viewer, visibility)).map(({ id }) => id);
      if (data.length > 0) sendText(encodeJson({ operation: 'delete', interface: target.collection, data }));
    }
  };

  const read = async (all: readonly Change[], finished: readonly string[]): Promise<Changes> => {
    const seen: Changes['seen'] = new Map();
    const standIns = new Set(finished);
    const readInto = async (target: Interface, changes: readonly Change[]) => {
      const ids = changes.filter(({ operation }) => shownAs(target, operation)).map(({ id }) => id);
      const found = await readChanges({ store, bulkWork, log }, target, ids);
      seen.set(target, found.seen);
      for (const id of found.standIns) standIns.add(id);
    };
    const isReferences = ({ collection }: Interface) => collection === 'references';
    for (const [target, changes] of groupByInterface(all)) {
      if (!isReferences(target)) await readInto(target, changes);
    }
    const changes = withReferences(all, standIns);
    for (const [target, own] of groupByInterface(changes)) {
      if (isReferences(target)) await readInto(target, own);
    }
    return { changes, seen };
  };

  const sendAll = async ({ changes, seen }: Changes, lost: boolean): Promise<void> => {
    const deletions = groupByInterface(changes.filter(({ operation }) => operation === 'delete'));
    for (const [index, change] of changes.entries()) {
      if (index % MESSAGES_PER_TURN === MESSAGES_PER_TURN - 1) await nextTurn();
      const target = interfaceOf(change);
      if (!target) continue;
      if (change.operation !== 'delete') {
        const found = seen.get(target)?.get(change.id);
        if (found && (isNews(target, change, found) || lost)) sendDocument(target, change, found);
      } else {
        // All of them in one message, at the place of the first.
        const ids = deletions.get(target)?.map(({ id }) => id);
        if (ids) sendDeletions(target, ids);
        deletions.delete(target);
      }
    }
  };

  return {
    async learnUnfinished() {
      for (const target of INTERFACES) {
        if (!target.argument) continue;
        const ids = await store.jobs.argumentsOfUnfinished(target.argument);
        const unknown = ids.filter((id) => memory.get(target.collection, id) === undefined);
        const { seen } = await readChanges({ store, bulkWork, log }, target, unknown);
        for (const [id, found] of seen) {
          // What a batch has told meanwhile is newer.
          if (memory.get(target.collection, id) === undefined) remember(target, id, found);
        }
      }
    },

    async dispatch(batch) {
      const finished = await bulkWork.learn(batch);
      if (receivers().size > 0) {
        await sendAll(await read(batch.lost ? await newestOfAll(store.database) : batch.changes, finished), batch.lost);
      }
      bulkWork.settle();
    },
  };
}

// The status documents and settings are never new to a client, even when the database has just got them.
function shownAs({ operations }: Interface, operation: Operation): Operation | undefined {
  if (operation === 'delete') return undefined;
  if (operations.includes(operation)) return operation;
  return operation === 'insert' && operations.includes('update') ? 'update' : undefined;
}

const BY_COLLECTION = new Map(INTERFACES.map((target) => [target.collection, target]));

function interfaceOf({ collection, id }: Change): Interface | undefined {
  const target = BY_COLLECTION.get(collection);
  return target?.ids?.includes(id) === false ? undefined : target;
}

function groupByInterface(changes: readonly Change[]): Map<Interface, Change[]> {
  const groups = new Map<Interface, Change[]>();
  for (const change of changes) {
    const target = interfaceOf(change);
    if (!target) continue;
    const group = groups.get(target);
    if (group) group.push(change);
    else groups.set(target, [change]);
  }
  return groups;
}

function withReferences(changes: readonly Change[], referenceIds: ReadonlySet<string>): Change[] {
  const listed = new Set(changes.filter((change) => change.collection === 'references').map((change) => change.id));
  const missing = [...referenceIds].filter((id) => !listed.has(id));
  return [...changes, ...missing.map((id): Change => ({ collection: 'references', id, operation: 'update' }))];
}
