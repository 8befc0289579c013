import type { Collection, Document, Filter, Sort } from 'mongodb';
import type { Stored } from './database.js';

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

/** What to list: `base` is what the caller may see, `search` narrows it down. */
export type ListQuery<T> = {
  base?: Filter<T>;
  search?: Filter<T> | undefined;
  sort: Sort;
  projection: Document;
};

/** One page of a collection with its counts. The sort should end with a unique key. */
export async function findPage<T extends Stored>(
  collection: Collection<T>,
  query: ListQuery<T>,
  { page, perPage }: PageRequest,
): Promise<Page<T>> {
  const base = query.base ?? {};
  const wanted = query.search ? ({ $and: [base, query.search] } as Filter<T>) : base;
  const [documents, found, total] = await Promise.all([
    collection
      .find(wanted)
      .project<T>(query.projection)
      .sort(query.sort)
      .skip((page - 1) * perPage)
      .limit(perPage)
      .toArray(),
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
