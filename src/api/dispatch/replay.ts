import { setImmediate as nextTurn } from 'node:timers/promises';
import { mergeOperations, type Operation } from '../../store/database/change_feed.js';
import { encodeJson } from '../http/json.js';
import type { ChangeLog, Entry } from './change_log.js';
import { type Interface, interfaceOf, shownAs } from './interfaces.js';
import { encodeMessage, type Receiver, type Subject } from './messages.js';
import { type Reading, readChanges, type Seen } from './reading.js';
import { maySee, type Viewer, type Visibility } from './visibility.js';

/** A browser that was away, and the position up to which it knows all. An empty one knows nothing. */
export type Returning = { receiver: Receiver; after: string };

/** What has happened to a document since a position. */
type Missed = {
  target: Interface;
  id: string;
  operation: Operation;
  before: Visibility[];
  /** Rights on it were set, and nobody knows who had them meanwhile. */
  isUncertain: boolean;
};

/** What all returning browsers have missed, read once. */
type Documents = ReadonlyMap<Interface, ReadonlyMap<string, Seen>>;

/** Whoever has missed more documents is told to read all again, which is less work for both sides. */
const MOST_REPLAYED = 500;
const BROWSERS_PER_TURN = 20;

/**
 * Makes up for the messages that browsers have missed: every document that has changed is read again and sent once, as it is now and to whom
 * may see it now. `resync` is sent where the position is not known, where too much was missed, and where other rights of the user or of a sample or
 * reference have changed what the browser shows.
 */
export function createReplay(reading: Reading, changeLog: ChangeLog) {
  return async (returning: readonly Returning[]): Promise<void> => {
    const missedSince = new Map<string, Missed[] | undefined>();
    for (const { after } of returning) {
      if (!missedSince.has(after)) missedSince.set(after, summarize(changeLog.since(after)));
    }
    const documents = await readAll(reading, [...missedSince.values()]);
    const end = changeLog.position();
    for (const [index, { receiver, after }] of returning.entries()) {
      if (index % BROWSERS_PER_TURN === BROWSERS_PER_TURN - 1) await nextTurn();
      const missed = missedSince.get(after);
      if (!missed || mustResync(receiver.viewer, missed, documents)) {
        receiver.resync();
        continue;
      }
      const messages = messagesFor(receiver.viewer, missed, documents);
      // Whoever is cut before the last asks for all again: a document is sent once, so those that are still to come may be older.
      messages.forEach(({ subject, content }, at) => {
        receiver.send(encodeMessage(subject, content, at === messages.length - 1 ? end : after));
      });
    }
  };
}

// One for each document, in the order of their last messages; undefined for too many.
function summarize(entries: readonly Entry[] | undefined): Missed[] | undefined {
  if (!entries) return undefined;
  const missed = new Map<string, Missed>();
  for (const entry of entries) {
    const { collection, id, before } = entry;
    const target = interfaceOf(entry);
    if (!target) continue;
    const key = `${collection}/${id}`;
    const earlier = missed.get(key);
    missed.delete(key);
    missed.set(key, {
      target,
      id,
      operation: mergeOperations(earlier?.operation, entry.operation),
      before: [...(earlier?.before ?? []), ...(before ? [before] : [])],
      isUncertain: earlier?.isUncertain === true || entry.isUncertain === true,
    });
    if (missed.size > MOST_REPLAYED) return undefined;
  }
  return [...missed.values()];
}

async function readAll({ store, bulkWork, log }: Reading, all: readonly (Missed[] | undefined)[]): Promise<Documents> {
  const ids = new Map<Interface, Set<string>>();
  for (const { target, id, operation } of all.flatMap((missed) => missed ?? [])) {
    if (shownAs(target, operation)) ids.set(target, (ids.get(target) ?? new Set()).add(id));
  }
  const documents = new Map<Interface, ReadonlyMap<string, Seen>>();
  // What is replayed was counted when it was told.
  const replaying = { store, log, bulkWork: { isBusy: bulkWork.isBusy, isCrowd: () => false } };
  for (const [target, wanted] of ids) documents.set(target, (await readChanges(replaying, target, [...wanted])).seen);
  return documents;
}

function mustResync(viewer: Viewer, missed: readonly Missed[], documents: Documents): boolean {
  return missed.some(({ target, id, operation, before, isUncertain }) => {
    if (target.collection === 'users') return id === viewer.userId;
    if (!target.parent || viewer.administrator) return false;
    if (isUncertain) return true;
    if (operation === 'delete') return before.some((one) => maySee(viewer, one));
    const now = documents.get(target)?.get(id)?.visibility;
    return now !== undefined && before.some((one) => maySee(viewer, one) !== maySee(viewer, now));
  });
}

function messagesFor(
  viewer: Viewer,
  missed: readonly Missed[],
  documents: Documents,
): { subject: Subject; content: string }[] {
  const messages = [];
  const gone = new Map<Interface, string[]>();
  for (const one of missed) {
    const { target, id, operation } = one;
    const found = documents.get(target)?.get(id);
    const shown = shownAs(target, operation);
    if (found && shown && maySee(viewer, found.visibility)) {
      messages.push({ subject: { operation: shown, interface: target.collection }, content: found.content() });
    } else if (isGone(viewer, one, found)) {
      gone.set(target, [...(gone.get(target) ?? []), id]);
    }
  }
  for (const [{ collection }, ids] of gone) {
    messages.push({ subject: { operation: 'delete', interface: collection } as const, content: encodeJson(ids) });
  }
  return messages;
}

function isGone(viewer: Viewer, { target, operation, before }: Missed, found: Seen | undefined): boolean {
  const isOver = operation === 'delete' || (found !== undefined && !maySee(viewer, found.visibility));
  return isOver && target.operations.includes('delete') && before.some((one) => maySee(viewer, one));
}
