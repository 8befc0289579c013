import type { Document } from 'mongodb';
import { compileFind, filterName, type Order, type Row, type RowForm } from './kept_rows.js';

/** Rows that fit a filter, in order. */
export type Selection = readonly Row[];

/** What is looked for: a filter, a text to find, and the order of what is found. */
export type Wanted = { filter: Document; find?: string | undefined; order: Order };

/** All rows of a collection. */
export type KeptTable = {
  /** All rows that fit; the same array until one of them changes. The filter has to be one that the form can compile. */
  select(wanted: Wanted): Selection;
  /** Puts documents that were read again in the place of their rows; those of the ids that were not found are gone. */
  replace(ids: readonly string[], found: readonly Document[]): void;
};

type View = { fits(row: Row): boolean; compare(a: Row, b: Row): number; rows: Selection };

/** With more changes at once than this, all rows are gone through. */
const FEW = 100;

/** Creates a table of rows by id; the newest `limit` selections are kept, and changed with their rows. */
export function createKeptTable(form: RowForm, rows: Map<string, Row>, limit: number): KeptTable {
  /** Views of all rows, by order. */
  const ordered = new Map<string, View>();
  const selections = new Map<string, View>();

  const allRows = (order: Order): View => {
    const name = JSON.stringify(order);
    const known = ordered.get(name);
    if (known) return known;
    const compare = form.compareRows(order);
    const view = { fits: () => true, compare, rows: [...rows.values()].sort(compare) };
    ordered.set(name, view);
    return view;
  };

  const kept = (name: string, create: () => View): View => {
    const view = selections.get(name) ?? create();
    selections.delete(name);
    selections.set(name, view);
    const [oldest] = selections.keys();
    if (selections.size > limit && oldest !== undefined) selections.delete(oldest);
    return view;
  };

  const filtered = ({ filter, order }: Wanted): View => {
    if (Object.keys(filter).length === 0) return allRows(order);
    return kept(`${JSON.stringify(order)} ${filterName(filter)}`, () => {
      const test = form.compile(filter) ?? (() => false);
      return narrow(allRows(order), (row) => test(row.values));
    });
  };

  return {
    select(wanted) {
      const view = filtered(wanted);
      const { find, order, filter } = wanted;
      if (!find) return view.rows;
      const name = `${JSON.stringify(order)} ${filterName(filter)} ${JSON.stringify(find)}`;
      return kept(name, () => narrow(view, compileFind(find))).rows;
    },

    replace(ids, found) {
      const documents = new Map(found.map((document) => [String(document._id), document]));
      const removed: Row[] = [];
      const added: Row[] = [];
      for (const id of ids) {
        const document = documents.get(id);
        const row = document && form.toRow(document);
        const old = rows.get(id);
        if (old && row && isSame(old, row)) continue;
        if (old) removed.push(old);
        if (row) added.push(row);
        if (row) rows.set(id, row);
        else rows.delete(id);
      }
      for (const view of [...ordered.values(), ...selections.values()]) {
        view.rows = exchange(view, removed.filter(view.fits), added.filter(view.fits));
      }
    },
  };
}

function narrow(view: View, isFound: (row: Row) => boolean): View {
  const fits = (row: Row) => view.fits(row) && isFound(row);
  return { fits, compare: view.compare, rows: view.rows.filter(isFound) };
}

function exchange({ rows, compare }: View, removed: readonly Row[], added: readonly Row[]): Selection {
  if (removed.length + added.length === 0) return rows;
  if (removed.length + added.length > FEW) {
    const gone = new Set(removed);
    return [...rows.filter((row) => !gone.has(row)), ...added].sort(compare);
  }
  const changed = [...rows];
  for (const row of removed) changed.splice(placeOf(row, changed, compare), 1);
  for (const row of added) changed.splice(placeOf(row, changed, compare), 0, row);
  return changed;
}

/** Where a row stands, or would stand, in rows that are in order. */
function placeOf(row: Row, rows: Selection, compare: View['compare']): number {
  let begin = 0;
  let end = rows.length;
  while (begin < end) {
    const middle = (begin + end) >> 1;
    const other = rows[middle];
    if (other && compare(other, row) < 0) begin = middle + 1;
    else end = middle;
  }
  return begin;
}

function isSame(a: Row, b: Row): boolean {
  const isSameValue = (one: unknown, other: unknown) =>
    one instanceof Date && other instanceof Date ? one.getTime() === other.getTime() : one === other;
  return a.text === b.text && a.values.every((value, position) => isSameValue(value, b.values[position]));
}
