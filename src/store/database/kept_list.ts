import type { Collection, Document } from 'mongodb';
import type { Stored } from './collections.js';
import { compileFind, createRowForm, type ListFields, type Order, type Row, type RowForm } from './kept_rows.js';
import { createKeptTable, type KeptTable, type Selection, type Wanted } from './kept_table.js';

/** How much is kept, and for how long without use. */
export type KeptLimits = { rows: number; selections: number; changes: number; refreshAt: number; unusedMs: number };

export const KEPT_LIMITS: KeptLimits = {
  rows: 300_000,
  selections: 20,
  changes: 20_000,
  refreshAt: 1_000,
  unusedMs: 600_000,
};

const READ_AT_ONCE = 1_000;
const LOADED_AT_ONCE = 5_000;
const BY_ID: Order = [['_id', 1]];

/**
 * What decides about the lists of one collection, kept in memory: counts, order, `find` and pages far behind cost no reading then.
 *
 * It is loaded when it is first asked for, and told of changes by {@link KeptList.note}: the changed documents are read again before the
 * next answer. So an answer lacks only changes that nobody has told of yet. Those of this process are told when they end; those of others
 * when the change feed brings them, and while that stands still nothing is answered from memory.
 */
export type KeptList = {
  form: RowForm;
  /** All rows that fit; undefined when the database has to be asked: they are not loaded, too many, or the filter has other fields. */
  select(wanted: Wanted): Promise<Selection | undefined>;
  /** The same, but what is not kept is read for this answer alone. */
  selectAnyhow(wanted: Wanted): Promise<Selection>;
  /** Ids of the rows that fit, the same array until one changes; undefined as with `select`. */
  ids(filter: Document): Promise<readonly string[] | undefined>;
  /** These documents may have changed; undefined: nobody knows which. */
  note(ids: readonly string[] | undefined): void;
  /** Forgets all; what is being loaded too. */
  drop(): void;
};

/** Creates the kept list of a collection, which answers only while `isFollowed` says that every change is told. */
export function createKeptList<T extends Stored>(
  collection: Collection<T>,
  fields: ListFields,
  isFollowed: () => boolean,
  limits: KeptLimits = KEPT_LIMITS,
): KeptList {
  const form = createRowForm(fields);
  const idsOf = new WeakMap<Selection, readonly string[]>();
  let table: KeptTable | undefined;
  let loading: Promise<void> | undefined;
  let refreshing: Promise<void> | undefined;
  let changed = new Set<string>();
  let tooManyUntil = 0;
  let usedAt = 0;
  let epoch = 0;

  const drop = (): void => {
    epoch += 1;
    table = undefined;
    loading = undefined;
    refreshing = undefined;
    changed = new Set();
  };

  const load = async (): Promise<void> => {
    const mine = epoch;
    const rows = new Map<string, Row>();
    for await (const row of readRows(collection, form)) {
      if (epoch !== mine) return;
      rows.set(row.id, row);
      if (rows.size <= limits.rows) continue;
      drop();
      tooManyUntil = performance.now() + limits.unusedMs;
      return;
    }
    if (epoch !== mine) return;
    table = createKeptTable(form, rows, limits.selections);
    loading = undefined;
  };

  const refresh = async (): Promise<void> => {
    const mine = epoch;
    const ids = [...changed];
    changed = new Set();
    for (let start = 0; start < ids.length; start += READ_AT_ONCE) {
      const part = ids.slice(start, start + READ_AT_ONCE);
      const found = await collection.find({ _id: { $in: part } } as object, { projection: form.projection }).toArray();
      if (epoch !== mine) return;
      table?.replace(part, found);
    }
    refreshing = undefined;
  };

  const dropOnFault = (error: unknown): never => {
    drop();
    throw error;
  };

  /** Brings in all that was told before the call. */
  const settle = async (): Promise<void> => {
    await refreshing;
    // Whoever waited for the same has perhaps begun already, and that includes what was told before.
    if (!refreshing && changed.size > 0) refreshing = refresh().catch(dropOnFault);
    await refreshing;
  };

  const isUsable = (): boolean => isFollowed() && performance.now() >= tooManyUntil;

  const startLoading = (): Promise<void> => {
    loading ??= load().catch(dropOnFault);
    return loading;
  };

  const answer = async (wanted: Wanted): Promise<Selection | undefined> => {
    if (!form.compile(wanted.filter)) return undefined;
    await settle();
    return isFollowed() ? table?.select(wanted) : undefined;
  };

  const select = async (wanted: Wanted): Promise<Selection | undefined> => {
    if (!isUsable()) return undefined;
    usedAt = performance.now();
    if (table) return answer(wanted);
    // The fault of a load nobody waits for is met again by the query that answers instead.
    startLoading().catch(() => undefined);
    return undefined;
  };

  return {
    form,
    select,

    async selectAnyhow(wanted) {
      if (isUsable() && !table) await startLoading();
      return (await select(wanted)) ?? selectFromDatabase(collection, form, wanted);
    },

    async ids(filter) {
      const selection = await select({ filter, order: BY_ID });
      if (!selection) return undefined;
      const ids = idsOf.get(selection) ?? selection.map(({ id }) => id);
      idsOf.set(selection, ids);
      return ids;
    },

    note(ids) {
      if (!table && !loading) return;
      if (!ids || changed.size + ids.length > limits.changes || performance.now() - usedAt > limits.unusedMs) {
        drop();
        return;
      }
      for (const id of ids) changed.add(id);
      if (table && !refreshing && changed.size >= limits.refreshAt) settle().catch(() => undefined);
    },

    drop,
  };
}

async function* readRows<T extends Stored>(
  collection: Collection<T>,
  form: RowForm,
  filter: Document = {},
): AsyncGenerator<Row> {
  const cursor = collection.find(filter as object, { projection: form.projection, batchSize: LOADED_AT_ONCE });
  for await (const document of cursor) yield form.toRow(document);
}

async function selectFromDatabase<T extends Stored>(
  collection: Collection<T>,
  form: RowForm,
  { filter, find, order }: Wanted,
): Promise<Selection> {
  const isFound = find ? compileFind(find) : () => true;
  const found: Row[] = [];
  for await (const row of readRows(collection, form, filter)) if (isFound(row)) found.push(row);
  return found.sort(form.compareRows(order));
}
