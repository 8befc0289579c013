import type { Collection, Document, Filter, FindCursor } from 'mongodb';
import type { Stored } from './database.js';
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

/** One page of a collection with its counts. */
export async function findPage<T extends Stored>(
  collection: Collection<T>,
  query: ListQuery<T>,
  { page, perPage }: PageRequest,
): Promise<Page<T>> {
  const bases = (Array.isArray(query.base) ? query.base : [query.base ?? {}]) as readonly Filter<T>[];
  const [only] = bases;
  const base = (only !== undefined && bases.length === 1 ? only : { $or: [...bases] }) as Filter<T>;
  const wanted = query.search ? (together(base, query.search) as Filter<T>) : base;
  const skip = (page - 1) * perPage;
  const isNear = query.search === undefined && skip + perPage <= NEAR;
  const [documents, found, total] = await Promise.all([
    isNear ? nearPage(collection, query, bases, skip, perPage) : farPage(collection, query, wanted, skip, perPage),
    collection.countDocuments(wanted),
    query.search ? collection.countDocuments(base) : undefined,
  ]);
  return {
    documents,
    total_count: total ?? found,
    found_count: found,
    page_count: Math.ceil(found / perPage),
    per_page: perPage,
    page,
  };
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

/** What a stored `find` field holds of a document: the texts in which it is searched, in lower case. */
export function findTexts(...texts: readonly (string | null | undefined)[]): string[] {
  return texts.map((text) => (text ?? '').toLowerCase());
}

/** Search for a text in the `find` field that {@link findTexts} makes; undefined when there is nothing to search for. */
export function findFilter(term: string | undefined): Document | undefined {
  return term ? { find: { $regex: escapePattern(term.toLowerCase()) } } : undefined;
}

/** The text as a regular expression that matches just this text. */
export function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** A projection of the named fields. */
export function fields(...names: string[]): Document {
  return Object.fromEntries(names.map((name) => [name, 1]));
}
