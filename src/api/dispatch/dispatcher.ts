import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '../../log.js';
import type { Change, ChangeBatch } from '../../store/database/change_feed.js';
import type { Store } from '../../store/index.js';
import { encodeJson } from '../http/json.js';
import { createBulkWork } from './bulk_work.js';
import type { ChangeLog } from './change_log.js';
import { INTERFACES, type Interface, interfaceOf, shownAs } from './interfaces.js';
import { encodeMessage, type Receiver, type Subject } from './messages.js';
import { newestOfAll, readChanges, type Seen } from './reading.js';
import { createReplay, type Returning } from './replay.js';
import {
  ADMINISTRATORS,
  createMemory,
  isSameVisibility,
  maySee,
  type Viewer,
  type Visibility,
  withParents,
} from './visibility.js';

/** Turns changes into messages. One call at a time, besides `learnUnfinished`. */
export type Dispatcher = {
  /** Reads the changed documents again and sends each to those who may see it, in the order of the changes. */
  dispatch(batch: ChangeBatch): Promise<void>;
  /** Sends browsers that were away what they have missed, or tells them to read all again. */
  replay(returning: readonly Returning[]): Promise<void>;
  /** Tells all browsers to read again what they show, as messages are missing. */
  announceLoss(): void;
  /** Learns which documents jobs are making now; for a browser that has missed their insertion. */
  learnUnfinished(): Promise<void>;
};

type Changes = { changes: readonly Change[]; seen: Map<Interface, Map<string, Seen>> };

const MESSAGES_PER_TURN = 200;
const SHOWN = 2_000;
/** For so long after the last browser has gone changes are noted for its return. */
const KEPT_MS = 5 * 60_000;

/** Creates the dispatcher; `receivers` gives the browsers of the moment. */
export function createDispatcher(
  store: Store,
  log: Logger,
  changeLog: ChangeLog,
  receivers: () => ReadonlySet<Receiver>,
): Dispatcher {
  const memory = createMemory<Visibility>();
  const shown = createMemory<string>(SHOWN);
  const unfinished = createMemory<Seen>(SHOWN);
  const bulkWork = createBulkWork(store.database);
  const replay = createReplay({ store, bulkWork, log }, changeLog);
  const work = { contents: 0, messages: 0 };
  let watchedAt = Number.NEGATIVE_INFINITY;

  const send = (subject: Subject, number: number, encode: () => string, to: (viewer: Viewer) => boolean): void => {
    let message: Buffer | undefined;
    for (const receiver of receivers()) {
      if (!to(receiver.viewer)) continue;
      message ??= encodeMessage(subject, encode(), changeLog.position(number));
      work.messages += 1;
      receiver.send(message);
    }
    if (message) work.contents += 1;
  };

  const isNews = ({ collection, onlyNews }: Interface, { id, operation }: Change, { content }: Seen): boolean => {
    if (!onlyNews) return true;
    const isNew = operation === 'insert' || shown.get(collection, id) !== content();
    shown.set(collection, id, content());
    return isNew;
  };

  const remember = (target: Interface, id: string, found: Seen): void => {
    memory.set(target.collection, id, found.visibility);
    if (target.isUnfinished?.(found.wire)) unfinished.set(target.collection, id, found);
    else unfinished.delete(target.collection, id);
  };

  const changeParents = ({ parent }: Interface, visibilities: ReadonlyMap<string, Visibility>): void => {
    if (parent) memory.change((visibility) => withParents(visibility, parent, visibilities));
  };

  const forget = (): void => {
    for (const one of [memory, shown, unfinished, changeLog]) one.clear();
  };

  const sendDocument = (target: Interface, change: Change, found: Seen): void => {
    const { collection } = target;
    const { visibility } = found;
    const known = memory.get(collection, change.id);
    const before = known && !isSameVisibility(known, visibility) ? known : undefined;
    const { id, operation, marks = 0 } = change;
    // Rights that are the same as before, or were set twice, have been others meanwhile, when what belongs to it may have been read.
    const isUncertain = target.parent !== undefined && (before ? marks > 1 : marks > 0);
    if (before || isUncertain) changeParents(target, new Map([[id, visibility]]));
    remember(target, id, found);
    const number = changeLog.add([{ collection, id, operation, ...(before && { before }), isUncertain }]);
    // What belongs to it has come or gone with it. Said first, as whoever has got the number does not ask for it again.
    for (const receiver of target.parent && (before || isUncertain) ? receivers() : []) {
      const { viewer } = receiver;
      const seesOtherwise = before !== undefined && maySee(viewer, before) !== maySee(viewer, visibility);
      if (seesOtherwise || (isUncertain && !viewer.administrator)) receiver.resync();
    }
    const shownOperation = shownAs(target, operation);
    const isSeen = (viewer: Viewer) => maySee(viewer, visibility);
    if (shownOperation) send({ operation: shownOperation, interface: collection }, number, found.content, isSeen);
    // Whoever may no longer see it learns no more than that it is gone.
    if (before && target.operations.includes('delete')) {
      const isLost = (viewer: Viewer) => maySee(viewer, before) && !isSeen(viewer);
      send({ operation: 'delete', interface: collection }, number, () => encodeJson([id]), isLost);
    }
  };

  // A sample or reference on which rights were set before it went: whoever had them may show what belonged to it.
  const noteLostRights = ({ collection, id, operation }: Change): void => {
    changeLog.add([{ collection, id, operation, isUncertain: true }]);
    for (const receiver of receivers()) if (!receiver.viewer.administrator) receiver.resync();
  };

  const sendLastStates = ({ collection }: Interface, ids: readonly string[]): void => {
    for (const id of ids) {
      const found = unfinished.get(collection, id);
      const visibility = memory.get(collection, id);
      unfinished.delete(collection, id);
      if (!found || !visibility) continue;
      const subject = { operation: 'update', interface: collection } as const;
      send(subject, changeLog.add([]), found.content, (viewer) => maySee(viewer, visibility));
    }
  };

  const sendDeletions = (target: Interface, ids: readonly string[]): void => {
    const { collection } = target;
    sendLastStates(target, ids);
    const known = ids.map((id) => ({ id, before: memory.get(collection, id) ?? target.forgotten }));
    for (const id of ids) memory.delete(collection, id);
    changeParents(target, new Map(ids.map((id) => [id, ADMINISTRATORS])));
    if (!target.operations.includes('delete')) return;
    const number = changeLog.add(known.map((one) => ({ ...one, collection, operation: 'delete' })));
    const messages = new Map<string, Buffer>();
    for (const receiver of receivers()) {
      const seen = known.filter(({ before }) => maySee(receiver.viewer, before)).map(({ id }) => id);
      if (seen.length === 0) continue;
      // The jobs of a sample stay, for their users and administrators.
      if (target.parent && !receiver.viewer.administrator) receiver.resync();
      const content = encodeJson(seen);
      let message = messages.get(content);
      if (!message) {
        message = encodeMessage({ operation: 'delete', interface: collection }, content, changeLog.position(number));
        messages.set(content, message);
        work.contents += 1;
      }
      work.messages += 1;
      receiver.send(message);
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
      const found = seen.get(target)?.get(change.id);
      if (target.parent && change.marks && !found) noteLostRights(change);
      if (change.operation !== 'delete') {
        if (found && (isNews(target, change, found) || lost)) sendDocument(target, change, found);
      } else {
        // All of them in one message, at the place of the first.
        const ids = deletions.get(target)?.map(({ id }) => id);
        if (ids) sendDeletions(target, ids);
        deletions.delete(target);
      }
    }
  };

  const resyncAll = (): void => {
    for (const receiver of receivers()) receiver.resync();
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
      const now = performance.now();
      if (receivers().size > 0) watchedAt = now;
      if (batch.lost || now - watchedAt > KEPT_MS) forget();
      if (now - watchedAt <= KEPT_MS) {
        await sendAll(await read(batch.lost ? await newestOfAll(store.database) : batch.changes, finished), batch.lost);
      }
      if (batch.lost) {
        changeLog.clear();
        resyncAll();
      }
      bulkWork.settle();
      const { contents, messages } = work;
      Object.assign(work, { contents: 0, messages: 0 });
      if (messages > 0) log.debug({ changes: batch.changes.length, contents, messages }, 'changes told');
    },

    replay,

    announceLoss() {
      forget();
      resyncAll();
    },
  };
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
