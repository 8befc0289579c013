import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonList } from '../../files/json_list.js';
import type { AnalysisDocument, PathoscopeHit } from '../../store/analyses.js';
import type { ApiDeps } from '../deps.js';
import { createTurns } from './turns.js';

/** The results of an analysis, one by one. */
export type Results = AsyncIterable<unknown>;

/**
 * The results of an analysis, from its document or from `results.json` in its folder; undefined when that file is gone.
 * Reading them throws SyntaxError when the file does not hold a list.
 */
export async function openResults(
  { store, files: data }: Pick<ApiDeps, 'store' | 'files'>,
  analysis: Pick<AnalysisDocument, '_id' | 'sample'>,
): Promise<Results | undefined> {
  const stored = await store.analyses.getResults(analysis._id);
  if (stored !== 'file') return inTurns(stored ?? []);
  const path = join(data.analysis(analysis.sample.id, analysis._id), 'results.json');
  return (await exists(path)) ? inTurns(readJsonList(path)) : undefined;
}

/** All results at once. */
export async function readAll<T>(results: Results): Promise<T[]> {
  const all: T[] = [];
  for await (const result of results) all.push(result as T);
  return all;
}

/** All hits of Pathoscope at once, their depths in little memory. */
export async function readHits(results: Results): Promise<PathoscopeHit[]> {
  const hits: PathoscopeHit[] = [];
  for await (const result of results) {
    const hit = result as PathoscopeHit;
    hits.push(hit.align ? { ...hit, align: Uint32Array.from(hit.align) } : hit);
  }
  return hits;
}

async function* inTurns(items: Iterable<unknown> | AsyncIterable<unknown>): AsyncGenerator<unknown> {
  const rest = createTurns();
  for await (const item of items) {
    yield item;
    await rest();
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
