import type { Collection, Document, Filter, FindCursor } from 'mongodb';
import type { Stored } from './database.js';
import type { KeptList } from './kept_list.js';
import { topmost } from './kept_rows.js';
import { compareBy, firstRows, NEAR } from './near_pages.js';

/** Which part of a list is wanted; both from 1. */
export type PageRequest = { page: number; perPage: number };

/** A page of a list in the wire's form. */
export type Page<T> = {
  documents: T[];
  total_count: number;
  found_count: number;
  page_count: number;
  per_page: number;
  page: number;
};

/**
 * What to list: `base` is what the caller may see, or several filters of which one has to fit; `search` narrows it down. The order
 * ends with a unique key, and the projection has all keys of the order.
 */
export type ListQuery<T> = {
  base?: Filter<T> | readonly Filter<T>[];
  search?: Filter<T> | undefined;
  sort: { readonly [key: string]: 1 | -1 };
  projection: Document;
};

/** A list of a collection that is kept; `find` is looked for in the texts that are kept of it. */
export type KeptListQuery<T> = ListQuery<T> & { kept: KeptList; find?: string | undefined };

/**
 * One page of a collection whose lists are kept: counts, search and the way to the page are answered from memory, the documents of the
 * page are read. Those that changed meanwhile, so that the caller may not see them any more, are left out.
 */
export async function findKeptPage<T extends Stored>(
  collection: Collection<T>,
  query: KeptListQuery<T>,
  request: PageRequest,
): Promise<Page<T>> {
  const { base, wanted } = filtersOf(query);
  const { kept, find } = query;
  const order = Object.entries(query.sort);
  const found = find
    ? await kept.selectAnyhow({ filter: wanted, find, order })
    : await kept.select({ filter: wanted, order });
  if (!found) return findPage(collection, query, request);
  const all = query.search || find ? await kept.select({ filter: base, order }) : found;
  const begin = (request.page - 1) * request.perPage;
  const ids = found.slice(begin, begin + request.perPage).map(({ id }) => id);
  const [documents, total] = await Promise.all([
    readKept(collection, query, base, ids),
    all?.length ?? collection.countDocuments(base),
  ]);
  return pageOf(documents, found.length, total, request);
}

/** One page of a collection with its counts. */
export async function findPage<T extends Stored>(
  collection: Collection<T>,
  query: ListQuery<T>,
  request: PageRequest,
): Promise<Page<T>> {
  const { bases, base, wanted } = filtersOf(query);
  const { page, perPage } = request;
  const skip = (page - 1) * perPage;
  const isNear = query.search === undefined && skip + perPage <= NEAR;
  const [documents, found, total] = await Promise.all([
    isNear ? nearPage(collection, query, bases, skip, perPage) : farPage(collection, query, wanted, skip, perPage),
    collection.countDocuments(wanted),
    query.search ? collection.countDocuments(base) : undefined,
  ]);
  return pageOf(documents, found, total ?? found, request);
}

function pageOf<T>(documents: T[], found: number, total: number, { page, perPage }: PageRequest): Page<T> {
  return {
    documents,
    total_count: total,
    found_count: found,
    page_count: Math.ceil(found / perPage),
    per_page: perPage,
    page,
  };
}

function filtersOf<T>(query: ListQuery<T>): { bases: readonly Filter<T>[]; base: Filter<T>; wanted: Filter<T> } {
  const bases = (Array.isArray(query.base) ? query.base : [query.base ?? {}]) as readonly Filter<T>[];
  const [only] = bases;
  const base = (only !== undefined && bases.length === 1 ? only : { $or: [...bases] }) as Filter<T>;
  return { bases, base, wanted: query.search ? (together(base, query.search) as Filter<T>) : base };
}

// By id, so that no more is read than is shown. What decides about rights is read with it and looked at once more.
async function readKept<T extends Stored>(
  collection: Collection<T>,
  { kept, projection }: KeptListQuery<T>,
  base: Filter<T>,
  ids: readonly string[],
): Promise<T[]> {
  if (ids.length === 0) return [];
  const shown = Object.keys(projection);
  const isInclusive = Object.values(projection).some((value) => value === 1);
  const read = isInclusive ? fields(...topmost([...shown, ...kept.form.keys])) : projection;
  const found = await collection
    .find({ _id: { $in: [...ids] } } as Filter<T>)
    .project<T>(read)
    .toArray();
  const mayBeSeen = kept.form.compile(base) ?? (() => true);
  const byId = new Map(found.map((document) => [document._id, document]));
  const isShown = new Set(['_id', ...shown.map((field) => field.split('.')[0])]);
  return ids.flatMap((id) => {
    const document = byId.get(id);
    if (!document || !mayBeSeen(kept.form.valuesOf(document))) return [];
    return [isInclusive ? pick(document, isShown) : document];
  });
}

function pick<T extends Stored>(document: T, isShown: ReadonlySet<string | undefined>): T {
  return Object.fromEntries(Object.entries(document).filter(([field]) => isShown.has(field))) as T;
}

// Side by side where both can be, as an index serves the conditions of one level only on some servers.
function together(base: object, search: object): object {
  const clash = Object.keys(search).some((key) => key in base);
  return clash ? { $and: [base, search] } : { ...base, ...search };
}

function farPage<T extends Stored>(
  collection: Collection<T>,
  query: ListQuery<T>,
  filter: Filter<T>,
  skip: number,
  limit: number,
): Promise<T[]> {
  return collection.find(filter).project<T>(query.projection).sort(query.sort).skip(skip).limit(limit).toArray();
}

async function nearPage<T extends Stored>(
  collection: Collection<T>,
  query: ListQuery<T>,
  bases: readonly Filter<T>[],
  skip: number,
  limit: number,
): Promise<T[]> {
  const order = Object.entries(query.sort);
  const project = (cursor: FindCursor) => cursor.project(query.projection);
  const parts = await Promise.all(bases.map((base) => firstRows(collection, base, order, skip + limit, project)));
  const [first = []] = parts;
  if (parts.length === 1) return first.slice(skip);
  const distinct = new Map(parts.flat().map((row) => [row._id, row]));
  return [...distinct.values()].sort(compareBy(order)).slice(skip, skip + limit);
}

/** A page with its documents changed, counts untouched. */
export function mapPage<T, U>(page: Page<T>, change: (document: T) => U): Page<U> {
  return { ...page, documents: page.documents.map(change) };
}

/**
 * Search for a text anywhere in one of the fields, ignoring case; undefined when there is nothing to search for.
 *
 * ASCII terms are compared without a regular expression, which some servers run a hundred times faster; as literals, since a text that
 * begins with `$` would else be an expression.
 */
export function searchFilter(fields: readonly string[], term: string | undefined): Document | undefined {
  if (!term) return undefined;
  const ascii = [...term].every((letter) => letter.charCodeAt(0) < 128);
  const conditions = fields.map((field) =>
    ascii
      ? { $expr: { $gte: [{ $indexOfCP: [{ $toLower: `$${field}` }, { $literal: term.toLowerCase() }] }, 0] } }
      : { [field]: { $regex: escapePattern(term), $options: 'i' } },
  );
  return { $or: conditions };
}

/** The text as a regular expression that matches just this text. */
export function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** A projection of the named fields. */
export function fields(...names: string[]): Document {
  return Object.fromEntries(names.map((name) => [name, 1]));
}
