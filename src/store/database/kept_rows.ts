import type { Document } from 'mongodb';

/** Which fields of a collection its lists depend on: `keys` filter and order them, `texts` are searched by `find`. */
export type ListFields = { keys: readonly string[]; texts: readonly string[] };

/** What of a document decides where it stands in lists. */
export type Row = {
  id: string;
  /** In the order of the keys, `_id` last. */
  values: readonly unknown[];
  /** The searched texts, composed and in lower case. */
  text: string;
};

/** An order by several keys, the last one unique. */
export type Order = readonly (readonly [key: string, direction: 1 | -1])[];

/** Whether values in the order of the keys fit a filter. */
export type Test = (values: readonly unknown[]) => boolean;

/** Turns documents, filters and orders of a collection into what works on rows. */
export type RowForm = ReturnType<typeof createRowForm>;

const BETWEEN_TEXTS = '\0';

/** How texts are compared when one is searched in another: composed, and in lower case. */
function searchForm(text: string): string {
  return text.normalize('NFC').toLowerCase();
}

/** Creates the {@link RowForm} of a collection. */
export function createRowForm({ keys, texts }: ListFields) {
  const paths = [...keys, '_id'].map((key) => key.split('.'));
  const textPaths = texts.map((text) => text.split('.'));
  const positions = new Map([...keys, '_id'].map((key, position) => [key, position]));

  const shared = paths.map(createSharing);
  const sharedText = createSharing();

  const valuesOf = (document: Document): unknown[] => paths.map((path) => valueAt(document, path));

  const compile = (filter: Document): Test | undefined => {
    const tests: Test[] = [];
    for (const [key, condition] of Object.entries(filter)) {
      // The driver leaves these out, too.
      if (condition === undefined) continue;
      const test = key.startsWith('$') ? compileGroup(key, condition) : compileField(positions.get(key), condition);
      if (!test) return undefined;
      tests.push(test);
    }
    const [only] = tests;
    return only && tests.length === 1 ? only : (values) => tests.every((test) => test(values));
  };

  const compileGroup = (operator: string, parts: readonly Document[]): Test | undefined => {
    const tests = parts.map(compile).filter((test) => test !== undefined);
    if (tests.length < parts.length) return undefined;
    if (operator === '$or') return (values) => tests.some((test) => test(values));
    return operator === '$and' ? (values) => tests.every((test) => test(values)) : undefined;
  };

  return {
    /** What filters and orders. */
    keys,

    /** What has to be read of a document for {@link toRow}. */
    projection: Object.fromEntries(topmost([...keys, ...texts, '_id']).map((field) => [field, 1])) as Document,

    valuesOf,

    toRow(document: Document): Row {
      const text = textPaths
        .map((path) => valueAt(document, path))
        .filter((found) => typeof found === 'string')
        .map(searchForm)
        .join(BETWEEN_TEXTS);
      return {
        id: String(document._id),
        values: valuesOf(document).map((value, position) => shared[position]?.(value) ?? value),
        text: sharedText(text) ?? text,
      };
    },

    /** A filter as a test; undefined when it has other fields or operators than rows can answer. */
    compile,

    /**
     * Compares rows by an order, as the database does.
     *
     * @throws Error when the order has a key that rows lack.
     */
    compareRows(order: Order): (a: Row, b: Row) => number {
      const steps = order.map(([key, direction]) => {
        const position = positions.get(key);
        if (position === undefined) throw new Error(`Lists that are kept are not ordered by ${key}`);
        return [position, direction] as const;
      });
      return (a, b) => {
        for (const [position, direction] of steps) {
          const result = compareValues(a.values[position], b.values[position]);
          if (result !== 0) return direction * result;
        }
        return 0;
      };
    },
  };
}

const SHARED_TEXTS = 1_000;

// Many rows have the same few texts, each read as a string of its own.
function createSharing(): (value: unknown) => string | undefined {
  const known = new Map<string, string>();
  return (value) => {
    if (typeof value !== 'string') return undefined;
    if (known.size < SHARED_TEXTS && !known.has(value)) known.set(value, value);
    return known.get(value);
  };
}

/** A search for a text in rows, in any one of their texts. */
export function compileFind(find: string): (row: Row) => boolean {
  const term = searchForm(find);
  return term.includes(BETWEEN_TEXTS) ? () => false : (row) => row.text.includes(term);
}

/** Compares values in the order of the database: nothing, numbers, texts by their bytes, all else. */
export function compareValues(a: unknown, b: unknown): number {
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b);
  return rankOf(a) - rankOf(b) || Math.sign(Number(a) - Number(b)) || 0;
}

/** The value at a path of field names. */
export function valueAt(document: object, path: readonly string[]): unknown {
  let value: unknown = document;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** The fields of which no other one is a part: a projection may not name both. */
export function topmost(fields: readonly string[]): string[] {
  return [...new Set(fields)].filter((field) => !fields.some((other) => field.startsWith(`${other}.`)));
}

function rankOf(value: unknown): number {
  return typeof value === 'number' ? 1 : typeof value === 'string' ? 2 : value ? 3 : 0;
}

// The order of UTF-8 is that of code points; that of UTF-16 differs only where a surrogate meets a unit above all surrogates.
function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  const end = Math.min(a.length, b.length);
  for (let at = 0; at < end; at += 1) {
    const one = a.charCodeAt(at);
    const other = b.charCodeAt(at);
    if (one !== other) return weightOf(one) - weightOf(other);
  }
  return a.length - b.length;
}

function weightOf(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x10000 : unit;
}

function compileField(position: number | undefined, condition: unknown): Test | undefined {
  if (position === undefined) return undefined;
  if (!isOperators(condition)) return (values) => isEqual(values[position], condition);
  const tests: Test[] = [];
  for (const [operator, operand] of Object.entries(condition)) {
    if (operator === '$eq') tests.push((values) => isEqual(values[position], operand));
    else if (operator === '$ne') tests.push((values) => !isEqual(values[position], operand));
    else if (operator === '$exists') tests.push((values) => (values[position] !== undefined) === Boolean(operand));
    else if (operator === '$in' && Array.isArray(operand)) {
      const wanted = setOf(operand);
      if (!wanted) return undefined;
      tests.push((values) => isAmong(values[position], wanted));
    } else return undefined;
  }
  return (values) => tests.every((test) => test(values));
}

function isOperators(condition: unknown): condition is Record<string, unknown> {
  return (
    typeof condition === 'object' && condition !== null && Object.keys(condition).some((key) => key.startsWith('$'))
  );
}

function isEqual(value: unknown, wanted: unknown): boolean {
  if (Array.isArray(value)) return value.some((part) => isEqual(part, wanted));
  if (value instanceof Date && wanted instanceof Date) return value.getTime() === wanted.getTime();
  return (value ?? null) === (wanted ?? null);
}

function isAmong(value: unknown, wanted: ReadonlySet<unknown>): boolean {
  return Array.isArray(value) ? value.some((part) => isAmong(part, wanted)) : wanted.has(value ?? null);
}

const LARGE = 100;
const numbersOf = new WeakMap<object, number>();
let numbered = 0;

/** A name for a filter, the same for equal ones. A large array is known by being the same one, as its text would be as large. */
export function filterName(filter: object): string {
  return JSON.stringify(filter, (_key, value: unknown) => {
    if (!Array.isArray(value) || value.length < LARGE) return value;
    const number = numbersOf.get(value) ?? numbered++;
    numbersOf.set(value, number);
    return { same: number };
  });
}

const setsOf = new WeakMap<readonly unknown[], ReadonlySet<unknown>>();

// The ids of all samples that somebody may read are one array for many lists.
function setOf(values: readonly unknown[]): ReadonlySet<unknown> | undefined {
  const known = setsOf.get(values);
  if (known) return known;
  if (values.some((value) => typeof value === 'object' && value !== null)) return undefined;
  const set = new Set(values.map((value) => value ?? null));
  setsOf.set(values, set);
  return set;
}
