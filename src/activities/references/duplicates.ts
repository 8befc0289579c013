import { createHash } from 'node:crypto';
import type { ProcessError } from '../../contracts/processes.js';
import { normalizeName } from '../../store/otus/otu_names.js';

const MAXIMUM_SHOWN = 500;
const SHOWN_LENGTH = 200;

/** What a file may hold at any place. */
type Loose = { [key: string]: unknown };

/** Finds the five kinds of duplicates of a reference file while its OTUs come by. What has another shape is passed over. */
export class DuplicateFinder {
  readonly #abbreviations = new Repeated(normalizeName);
  readonly #ids = new Repeated();
  readonly #names = new Repeated((name) => normalizeName(name).toLowerCase());
  readonly #sequenceIds = new Repeated();
  readonly #isolates: Record<string, { name: unknown; duplicates: string[] }> = {};
  #otus = 0;

  /** Takes the next OTU of the file. */
  add(value: unknown): void {
    const index = this.#otus;
    this.#otus += 1;
    const [otu] = records([value]);
    if (!otu) return;
    this.#abbreviations.add(otu.abbreviation);
    this.#ids.add(otu._id);
    this.#names.add(otu.name);
    const isolateIds = new Repeated();
    for (const isolate of records(otu.isolates)) {
      isolateIds.add(isolate.id);
      for (const sequence of records(isolate.sequences)) this.#sequenceIds.add(sequence._id);
    }
    if (isolateIds.found.length === 0 || Object.keys(this.#isolates).length >= MAXIMUM_SHOWN) return;
    const id = typeof otu._id === 'string' ? shortened(otu._id) : String(index);
    const name = typeof otu.name === 'string' ? shortened(otu.name) : null;
    this.#isolates[fieldName(id)] = { name, duplicates: isolateIds.found };
  }

  /** What was found, in the wire's form. */
  errors(): ProcessError[] {
    return [
      ...listError('duplicate_abbreviations', 'Duplicate OTU abbreviations found', this.#abbreviations),
      ...listError('duplicate_ids', 'Duplicate OTU ids found', this.#ids),
      ...(Object.keys(this.#isolates).length > 0
        ? [error('duplicate_isolate_ids', 'Duplicate isolate ids found in some OTUs', this.#isolates)]
        : []),
      ...listError('duplicate_names', 'Duplicate OTU names found', this.#names),
      ...listError('duplicate_sequence_ids', 'Duplicate sequence ids found', this.#sequenceIds),
    ];
  }
}

/** The texts that were there before, each once, as written the second time. Empty ones do not count. */
class Repeated {
  readonly #normalize: (text: string) => string;
  readonly #seen = new Set<string>();
  readonly #again = new Set<string>();

  constructor(normalize: (text: string) => string = (text) => text) {
    this.#normalize = normalize;
  }

  add(value: unknown): void {
    if (typeof value !== 'string') return;
    const key = keyOf(this.#normalize(value));
    if (key === '') return;
    if (this.#seen.has(key) && this.#again.size < MAXIMUM_SHOWN) this.#again.add(shortened(value));
    this.#seen.add(key);
  }

  get found(): string[] {
    return [...this.#again];
  }
}

// Ids and names are short; a file of long ones must not fill the memory.
function keyOf(text: string): string {
  return text.length <= SHOWN_LENGTH ? text : createHash('sha256').update(text).digest('base64');
}

function shortened(text: string): string {
  return text.slice(0, SHOWN_LENGTH);
}

function listError(id: string, message: string, repeated: Repeated): ProcessError[] {
  return repeated.found.length > 0 ? [error(id, message, repeated.found)] : [];
}

function error(id: string, message: string, duplicates: unknown): ProcessError {
  return { id, message, duplicates };
}

function records(value: unknown): Loose[] {
  const isRecord = (item: unknown): item is Loose => typeof item === 'object' && item !== null && !Array.isArray(item);
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

// The database has no fields that begin with a dollar sign or hold a dot.
function fieldName(text: string): string {
  return text.replace(/[.$\0]/g, '_');
}
