import { randomBytes } from 'node:crypto';
import type { Operation } from '../../store/database/change_feed.js';
import type { CollectionName } from '../../store/database/database.js';
import type { Visibility } from './visibility.js';

/** A change that messages have told of: no content, as a replay reads that again. */
export type Told = {
  collection: CollectionName;
  id: string;
  operation: Operation;
  /** Who could see the document before, where that has changed or the document is gone. */
  before?: Visibility;
  /** Rights on it were set, and nobody knows who had them meanwhile. */
  isUncertain?: boolean;
};

/** A change with the number of its message. */
export type Entry = Told & { number: number };

/** The numbers of the messages of this process, and which changes the latest of them told of. */
export type ChangeLog = {
  /** Notes changes under the next number. */
  add(told: readonly Told[]): number;
  /** The number as browsers get it; of the last message where none is given. It is unique to this process. */
  position(number?: number): string;
  /** What was told after a position, oldest first; undefined where that is not known (any more). */
  since(position: string): Entry[] | undefined;
  /** Forgets all: from here on nothing of before can be replayed. */
  clear(): void;
};

/** How much is kept, whichever is reached first. */
export type ChangeLogLimits = { entries: number; bytes: number };

const LIMITS: ChangeLogLimits = { entries: 10_000, bytes: 4 * 1024 ** 2 };
const ENTRY_BYTES = 150;
const POSITION = /^([0-9a-f]{12})-(\d{1,15})$/;

/** Whether a text has the form of a position, of whatever process. */
export function isPosition(text: string): boolean {
  return POSITION.test(text);
}

/** Creates an empty log. Its numbers begin with an id of their own, as those of another process or start mean other messages. */
export function createChangeLog({ entries: maximum, bytes: maximumBytes }: ChangeLogLimits = LIMITS): ChangeLog {
  const run = randomBytes(6).toString('hex');
  let kept: Entry[] = [];
  let first = 0;
  let bytes = 0;
  let last = 0;
  // Positions before this one are not known any more.
  let floor = 0;

  const trim = (): void => {
    while (kept.length - first > maximum || bytes > maximumBytes) {
      const dropped = kept[first] as Entry;
      bytes -= bytesOf(dropped);
      floor = dropped.number;
      first += 1;
    }
    if (first < maximum) return;
    kept = kept.slice(first);
    first = 0;
  };

  return {
    add(told) {
      last += 1;
      for (const one of told) {
        const entry = { ...one, number: last };
        kept.push(entry);
        bytes += bytesOf(entry);
      }
      trim();
      return last;
    },
    position: (number = last) => `${run}-${number}`,
    since(position) {
      const [, from, text] = POSITION.exec(position) ?? [];
      const number = Number(text);
      if (from !== run || number < floor || number > last) return undefined;
      return kept.slice(first).filter((entry) => entry.number > number);
    },
    clear() {
      kept = [];
      first = 0;
      bytes = 0;
      // A number of its own, as whoever has got the last one has missed what is unknown.
      last += 1;
      floor = last;
    },
  };
}

function bytesOf({ id, before }: Entry): number {
  return ENTRY_BYTES + 2 * id.length + (before ? 2 * JSON.stringify(before).length : 0);
}
