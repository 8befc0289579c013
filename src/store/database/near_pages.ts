import type { Collection, Filter, FindCursor } from 'mongodb';
import type { Stored } from './collections.js';
import { compareValues, filterName, type Order, valueAt as valueAtPath } from './kept_rows.js';

/** Rows of a list that are asked for in one go at most. */
export const NEAR = 1_024;

const SMALLEST = 32;
const KEPT_BOUNDS = 500;

type Key = string | number | Date;
type Bound = readonly Key[];
type Bounds = Map<string, Bound>;

const boundsOf = new WeakMap<object, Bounds>();

/**
 * The first rows of an order, exactly as a query without bounds gives them.
 *
 * Some servers read all that fits a filter before they apply a limit. So it is kept where the rows ended the last time, and asked for
 * what lies before that; when there are too few by now, it is asked for a longer range, in the end for all. Filters have to be flat,
 * as `$and` and `$or` keep those servers from using an index.
 */
export async function firstRows<T extends Stored>(
  collection: Collection<T>,
  filter: Filter<T>,
  order: Order,
  needed: number,
  project: (cursor: FindCursor) => FindCursor,
): Promise<T[]> {
  const bounds = boundsOf.get(collection) ?? new Map<string, Bound>();
  boundsOf.set(collection, bounds);
  const name = `${filterName(filter)} ${JSON.stringify(order)}`;
  const sort = Object.fromEntries(order);
  const read = (where: Filter<T>, limit: number) =>
    project(collection.find(where).sort(sort).limit(limit)).toArray() as Promise<T[]>;
  const keep = (rows: readonly T[]) => {
    for (let size = SMALLEST; size <= rows.length; size *= 2) {
      const bound = boundAt(rows, size, order);
      if (bound) remember(bounds, `${size} ${name}`, bound);
    }
  };

  let size = SMALLEST;
  while (size < needed) size *= 2;
  const least = size;
  for (; size <= 2 * NEAR; size *= 2) {
    const bound = bounds.get(`${size} ${name}`);
    if (!bound) continue;
    const rows: T[] = [];
    for (const range of rangesBefore(bound, order)) {
      if (rows.length < size) rows.push(...(await read({ ...filter, ...range } as Filter<T>, size - rows.length)));
    }
    if (rows.length >= needed) {
      keep(rows);
      return rows.slice(0, needed);
    }
    bounds.delete(`${size} ${name}`);
  }
  const rows = await read(filter, 2 * least);
  keep(rows);
  return rows.slice(0, needed);
}

/** Compares two documents by an order, texts by their bytes as the database does. */
export function compareBy(order: Order): (a: object, b: object) => number {
  return (a, b) => {
    for (const [key, direction] of order) {
      const result = compareValues(valueAt(a, key), valueAt(b, key));
      if (result !== 0) return direction * result;
    }
    return 0;
  };
}

// The keys of the row after which the range ends. A comparison finds values of its own type only, so all rows must have
// that type; with the one exception of texts before numbers, the removed ones among the versions.
function boundAt(rows: readonly object[], size: number, order: Order): Bound | undefined {
  const keys = order.slice(0, 2).map(([key]) => valueAt(rows[size - 1] ?? {}, key));
  if (!keys.every((key) => typeof key === 'string' || typeof key === 'number' || key instanceof Date)) return undefined;
  const types = new Set(rows.slice(0, size).map((row) => typeof valueAt(row, order[0]?.[0] ?? '_id')));
  types.delete(typeof keys[0] as 'string');
  if (isMixed(order) && typeof keys[0] === 'number') types.delete('string');
  return types.size === 0 ? (keys as Key[]) : undefined;
}

function isMixed([first]: Order): boolean {
  return first?.[0] === 'otu.version' && first[1] === -1;
}

function rangesBefore([first, second]: Bound, order: Order): object[] {
  const [one, two] = order;
  if (one === undefined || first === undefined) return [{}];
  const [key, direction] = one;
  const before = direction === 1 ? '$lt' : '$gt';
  // Two keys decide alone only where many rows have the same first one.
  if (order.length < 3 || two === undefined) return [{ [key]: { [`${before}e`]: first } }];
  return [
    ...(isMixed(order) && typeof first === 'number' ? [{ [key]: { $gte: '' } }] : []),
    { [key]: { [before]: first } },
    { [key]: first, [two[0]]: { [two[1] === 1 ? '$lte' : '$gte']: second } },
  ];
}

function valueAt(document: object, path: string): unknown {
  return valueAtPath(document, path.split('.'));
}

function remember(bounds: Bounds, name: string, bound: Bound): void {
  bounds.delete(name);
  bounds.set(name, bound);
  const oldest = bounds.keys().next().value;
  if (bounds.size > KEPT_BOUNDS && oldest !== undefined) bounds.delete(oldest);
}
