import * as v from 'valibot';
import { randomId } from '../../store/database/ids.js';
import { cleanBases, findStrangeBases, holdsUracil } from '../../store/otus/bases.js';
import type { SourceOtu, SourceSequence } from '../../store/otus/otu_copies.js';
import { normalizeName } from '../../store/otus/otu_names.js';

/** What is wrong at a place of a file, for example `isolates/0/sequences/1/accession`. */
export type Issues = Record<string, string[]>;

/** An OTU of a file, with the number of its sequences that held U; or what is wrong with it. */
export type OtuOutcome = { ok: true; otu: SourceOtu; uracil: number } | { ok: false; issues: Issues };

const MAXIMUM_ISSUES = 50;
const MESSAGE_LENGTH = 300;
const OF_TYPE_LIST = 'must be of list type';
const OF_TYPE_DICT = 'must be of dict type';

export const text = () => v.string('must be of string type');
export const oneOf = <const T extends readonly string[]>(allowed: T) =>
  v.picklist(allowed, (issue) => `unallowed value ${issue.received}`);

const filled = () => v.pipe(text(), v.minLength(1, 'empty values not allowed'));
const flag = () => v.boolean('must be of boolean type');
const nameOf = () => v.pipe(text(), v.transform(normalizeName));
// Checked one by one, so that a list of nothing but faults costs no more than the faults that are told.
const unchecked = () => v.array(v.unknown(), OF_TYPE_LIST);

const Sequence = v.object(
  {
    _id: v.nullish(filled()),
    accession: text(),
    definition: text(),
    host: v.optional(v.nullable(text()), ''),
    segment: v.optional(v.nullable(text()), ''),
    sequence: v.pipe(
      text(),
      v.check(
        (bases) => findStrangeBases(bases) === undefined,
        ({ input }) => findStrangeBases(input) ?? '',
      ),
    ),
  },
  OF_TYPE_DICT,
);

const Isolate = v.object(
  { id: v.nullish(filled()), source_type: text(), source_name: text(), default: flag(), sequences: unchecked() },
  OF_TYPE_DICT,
);

const Segment = v.object(
  {
    name: filled(),
    required: v.nullish(flag(), true),
    molecule: v.nullish(oneOf(['', 'ssDNA', 'dsDNA', 'ssRNA', 'ssRNA+', 'ssRNA-', 'dsRNA']), ''),
  },
  OF_TYPE_DICT,
);

const Otu = v.object(
  {
    _id: v.nullish(filled()),
    name: v.pipe(nameOf(), v.minLength(1, 'empty values not allowed')),
    abbreviation: v.nullish(nameOf(), ''),
    schema: v.nullish(unchecked(), () => []),
    isolates: unchecked(),
  },
  OF_TYPE_DICT,
);

/**
 * An OTU of a reference file, whose ids, and those of its isolates and sequences, may be required: known keys only, its names in the form that is stored, bases upper-case, without white space and with T for U. OTUs
 * without isolates, isolates without sequences and sequences without bases are fine: they make an unverified OTU.
 */
export function parseOtu(value: unknown, ids: 'optional' | 'required' = 'optional'): OtuOutcome {
  const check = new Checker();
  let uracil = 0;
  const own = check.one(Otu, value, []);
  const schema = check.each(value, 'schema', [], (segment, path) => check.one(Segment, segment, path));
  const isolates = check.each(value, 'isolates', [], (raw, path) => {
    const isolate = check.one(Isolate, raw, path);
    const sequences = check.each(raw, 'sequences', path, (sequence, place) => {
      const right = check.one(Sequence, sequence, place);
      if (right && holdsUracil(right.sequence)) uracil += 1;
      return right && toSource(right);
    });
    return isolate && { ...isolate, id: isolate.id ?? randomId(), sequences };
  });
  if (check.isFine) checkDefault(isolates, check);
  if (ids === 'required') checkIds(value, check);
  if (!own || !check.isFine) return { ok: false, issues: check.issues };
  const { name, abbreviation, _id: remoteId } = own;
  return { ok: true, otu: { name, abbreviation, schema, remoteId: remoteId ?? undefined, isolates }, uracil };
}

function toSource({ _id, sequence, ...fields }: v.InferOutput<typeof Sequence>): SourceSequence {
  return { ...fields, sequence: cleanBases(sequence), remoteId: _id ?? undefined };
}

function checkIds(otu: unknown, check: Checker): void {
  const require = (holder: unknown, key: string, path: Path) => {
    if (((holder as { [key: string]: unknown } | null)?.[key] ?? null) === null)
      check.tell([...path, key], 'required field');
    return undefined;
  };
  require(otu, '_id', []);
  check.each(otu, 'isolates', [], (isolate, path) => {
    require(isolate, 'id', path);
    check.each(isolate, 'sequences', path, (sequence, place) => require(sequence, '_id', place));
    return undefined;
  });
}

function checkDefault(isolates: readonly { default: boolean }[], check: Checker): void {
  const defaults = isolates.filter((isolate) => isolate.default).length;
  if (isolates.length > 0 && defaults === 0) check.tell(['isolates'], 'no isolate is the default one');
  if (defaults > 1) check.tell(['isolates'], 'more than one isolate is the default one');
}

/** Issues of a schema by place. */
export function issuesByPath(issues: readonly v.BaseIssue<unknown>[]): Issues {
  const check = new Checker();
  check.add(issues, []);
  return check.issues;
}

type Path = readonly (string | number)[];

class Checker {
  readonly issues: Issues = {};
  #told = 0;

  get isFine(): boolean {
    return this.#told === 0;
  }

  one<S extends v.GenericSchema>(schema: S, value: unknown, path: Path): v.InferOutput<S> | undefined {
    const result = v.safeParse(schema, value);
    if (result.success) return result.output;
    this.add(result.issues, path);
    return undefined;
  }

  /** What `parse` makes of the items of a list in a document, as long as not enough is told. */
  each<T>(holder: unknown, key: string, path: Path, parse: (item: unknown, path: Path) => T | undefined): T[] {
    const list = (holder as { [key: string]: unknown } | null | undefined)?.[key];
    const parsed: T[] = [];
    for (const [index, item] of Array.isArray(list) ? list.entries() : []) {
      if (this.#told >= MAXIMUM_ISSUES) break;
      const output = parse(item, [...path, key, index]);
      if (output !== undefined) parsed.push(output);
    }
    return parsed;
  }

  add(issues: readonly v.BaseIssue<unknown>[], path: Path): void {
    for (const issue of issues)
      this.tell([...path, ...(issue.path ?? []).map(({ key }) => String(key))], message(issue));
  }

  tell(path: Path, message: string): void {
    if (this.#told >= MAXIMUM_ISSUES) return;
    this.#told += 1;
    const place = path.join('/') || 'file';
    this.issues[place] = [...(this.issues[place] ?? []), message.slice(0, MESSAGE_LENGTH)];
  }
}

function message(issue: v.BaseIssue<unknown>): string {
  if (issue.kind === 'schema' && issue.input === undefined) return 'required field';
  if (issue.kind === 'schema' && issue.input === null) return 'null value not allowed';
  return issue.message;
}
