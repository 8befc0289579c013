import type { ProcessError } from '../../contracts/processes.js';

const MAXIMUM_SHOWN = 500;

/** What a file may hold at any place. */
type Loose = { [key: string]: unknown };

/** The five kinds of duplicates of a reference file, in the wire's form. What has another shape is passed over. */
export function findDuplicates(otus: readonly unknown[]): ProcessError[] {
  const all = records(otus);
  const sequences = all.flatMap((otu) => records(otu.isolates)).flatMap((isolate) => records(isolate.sequences));
  const isolates = duplicateIsolates(all);
  return [
    ...listError('duplicate_abbreviations', 'Duplicate OTU abbreviations found', repeated(texts(all, 'abbreviation'))),
    ...listError('duplicate_ids', 'Duplicate OTU ids found', repeated(texts(all, '_id'))),
    ...(Object.keys(isolates).length > 0
      ? [error('duplicate_isolate_ids', 'Duplicate isolate ids found in some OTUs', isolates)]
      : []),
    ...listError('duplicate_names', 'Duplicate OTU names found', repeated(texts(all, 'name'), lowerCase)),
    ...listError('duplicate_sequence_ids', 'Duplicate sequence ids found', repeated(texts(sequences, '_id'))),
  ];
}

function duplicateIsolates(otus: Loose[]): Record<string, { name: unknown; duplicates: string[] }> {
  const found = otus.flatMap((otu, index) => {
    const duplicates = repeated(texts(records(otu.isolates), 'id')).slice(0, MAXIMUM_SHOWN);
    if (duplicates.length === 0) return [];
    const id = typeof otu._id === 'string' ? otu._id : String(index);
    return [[fieldName(id), { name: otu.name ?? null, duplicates }] as const];
  });
  return Object.fromEntries(found.slice(0, MAXIMUM_SHOWN));
}

/** The texts that were there before, each once, as written the second time. Empty ones do not count. */
function repeated(values: string[], normalise: (text: string) => string = (text) => text): string[] {
  const seen = new Set<string>();
  const again = new Set<string>();
  for (const value of values) {
    const key = normalise(value);
    if (value !== '' && seen.has(key)) again.add(value);
    seen.add(key);
  }
  return [...again];
}

function listError(id: string, message: string, duplicates: string[]): ProcessError[] {
  return duplicates.length > 0 ? [error(id, message, duplicates.slice(0, MAXIMUM_SHOWN))] : [];
}

function error(id: string, message: string, duplicates: unknown): ProcessError {
  return { id, message, duplicates };
}

function records(value: unknown): Loose[] {
  const isRecord = (item: unknown): item is Loose => typeof item === 'object' && item !== null && !Array.isArray(item);
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function texts(list: Loose[], key: string): string[] {
  return list.map((item) => item[key]).filter((value) => typeof value === 'string');
}

function lowerCase(text: string): string {
  return text.toLowerCase();
}

// The database has no fields that begin with a dollar sign or hold a dot.
function fieldName(text: string): string {
  return text.replace(/[.$\0]/g, '_');
}
