import * as v from 'valibot';
import type { ProcessError } from '../../contracts/processes.js';
import { randomId } from '../../store/database/ids.js';
import type { SourceOtu } from '../../store/otus/otu_copies.js';
import type { DataType } from '../../store/references/references.js';
import { findDuplicates } from './duplicates.js';
import { UnusableReference } from './file.js';

/** What a file says about itself, and its OTUs as they are. */
export type ReferenceHeader = { dataType: DataType; organism: string; otus: unknown[] };

const text = () => v.string('must be of string type');
const filled = () => v.pipe(text(), v.minLength(1, 'empty values not allowed'));
const flag = () => v.boolean('must be of boolean type');
const list = <T extends v.GenericSchema>(item: T) => v.array(item, 'must be of list type');
const oneOf = <const T extends readonly string[]>(allowed: T) =>
  v.picklist(allowed, (issue) => `unallowed value ${issue.received}`);

const IUPAC = /^[ACGTURYSWKMBDHVN]*$/;
const NOT_IUPAC = /[^ACGTURYSWKMBDHVN]/g;

const bases = v.pipe(
  text(),
  v.transform((sequence) => sequence.replace(/\s+/g, '').toUpperCase()),
  v.regex(IUPAC, ({ input }) => {
    const strange = [...new Set(input.match(NOT_IUPAC))].slice(0, 10).join(' ');
    return `holds characters that are not IUPAC nucleotide codes: ${strange}`;
  }),
);

const Sequence = v.object(
  {
    _id: v.nullish(filled()),
    accession: text(),
    definition: text(),
    host: v.nullish(text(), ''),
    segment: v.optional(v.nullable(text()), ''),
    sequence: bases,
  },
  'must be of dict type',
);

const Isolate = v.object(
  {
    id: v.nullish(filled()),
    source_type: text(),
    source_name: text(),
    default: flag(),
    sequences: list(Sequence),
  },
  'must be of dict type',
);

const Segment = v.object(
  {
    name: filled(),
    required: v.nullish(flag(), true),
    molecule: v.nullish(oneOf(['', 'ssDNA', 'dsDNA', 'ssRNA', 'ssRNA+', 'ssRNA-', 'dsRNA']), ''),
  },
  'must be of dict type',
);

const Isolates = v.pipe(
  list(Isolate),
  v.check((isolates) => isolates.length === 0 || isolates.some((one) => one.default), 'no isolate is the default one'),
  v.check((isolates) => isolates.filter((one) => one.default).length <= 1, 'more than one isolate is the default one'),
);

const Otu = v.object(
  {
    _id: v.nullish(filled()),
    name: filled(),
    abbreviation: v.nullish(text(), ''),
    schema: v.nullish(list(Segment), () => []),
    isolates: Isolates,
  },
  'must be of dict type',
);

const Header = v.object(
  {
    data_type: v.nullish(oneOf(['genome', 'barcode']), 'genome'),
    organism: v.nullish(text(), ''),
    otus: list(v.unknown()),
  },
  'must be of dict type',
);

const MAXIMUM_ERRORS = 100;
const MAXIMUM_ISSUES = 50;
/** Bases of one OTU that surely fit into one document of the database, twice over the other fields. */
const OTU_LIMIT_BASES = 14 * 1024 ** 2;

/**
 * The top level of a reference file.
 *
 * @throws UnusableReference with an entry `file`.
 */
export function checkHeader(file: unknown): ReferenceHeader {
  const result = v.safeParse(Header, file);
  if (!result.success) {
    const error = { id: 'file', message: 'The file is not a reference', issues: issuesByPath(result.issues) };
    throw new UnusableReference([error]);
  }
  const { data_type: dataType, organism, otus } = result.output;
  return { dataType, organism, otus };
}

/**
 * The OTUs of a reference file: known keys only, bases upper-case and without white space. OTUs without isolates, isolates without sequences and sequences without bases are fine:
 * they make an unverified OTU.
 *
 * @throws UnusableReference with an entry for each kind of duplicate and for each OTU that has problems.
 */
export function checkOtus(otus: readonly unknown[]): SourceOtu[] {
  const results = otus.map((otu) => v.safeParse(Otu, otu));
  const problems = results.flatMap((result, index) => {
    if (!result.success) return [otuError(otus[index], index, issuesByPath(result.issues))];
    return isTooLarge(result.output) ? [otuError(otus[index], index, { isolates: ['hold too many bases'] })] : [];
  });
  const errors = [...findDuplicates(otus), ...limited(problems)];
  if (errors.length > 0) throw new UnusableReference(errors);
  return results.map((result) => toSource(result.output as v.InferOutput<typeof Otu>));
}

function toSource(otu: v.InferOutput<typeof Otu>): SourceOtu {
  return {
    name: otu.name,
    abbreviation: otu.abbreviation,
    schema: otu.schema,
    remoteId: otu._id ?? undefined,
    isolates: otu.isolates.map((isolate) => ({
      ...isolate,
      id: isolate.id ?? randomId(),
      sequences: isolate.sequences.map(({ _id, ...sequence }) => ({ ...sequence, remoteId: _id ?? undefined })),
    })),
  };
}

function isTooLarge(otu: v.InferOutput<typeof Otu>): boolean {
  const sequences = otu.isolates.flatMap((isolate) => isolate.sequences);
  return sequences.reduce((sum, { sequence }) => sum + sequence.length, 0) > OTU_LIMIT_BASES;
}

function otuError(otu: unknown, index: number, issues: Record<string, string[]>): ProcessError {
  const name = (otu as { name?: unknown } | null)?.name;
  const title =
    typeof name === 'string' && name !== '' ? `OTU ${index + 1} (${name.slice(0, 100)})` : `OTU ${index + 1}`;
  const [path, messages] = Object.entries(issues)[0] ?? ['', []];
  return { id: 'otu', message: `${title}: ${path}: ${messages[0] ?? ''}`, issues };
}

function limited(problems: ProcessError[]): ProcessError[] {
  const more = problems.length - MAXIMUM_ERRORS;
  if (more <= 0) return problems;
  return [...problems.slice(0, MAXIMUM_ERRORS), { id: 'otu', message: `${more} more OTUs have problems` }];
}

/** Messages by place, for example `isolates/0/sequences/1/accession`. */
function issuesByPath(issues: readonly v.BaseIssue<unknown>[]): Record<string, string[]> {
  const byPath: Record<string, string[]> = {};
  for (const issue of issues.slice(0, MAXIMUM_ISSUES)) {
    const path = (issue.path ?? []).map((part) => String(part.key)).join('/') || 'file';
    byPath[path] = [...(byPath[path] ?? []), message(issue)];
  }
  return byPath;
}

function message(issue: v.BaseIssue<unknown>): string {
  if (issue.kind === 'schema' && issue.input === undefined) return 'required field';
  if (issue.kind === 'schema' && issue.input === null) return 'null value not allowed';
  return issue.message;
}
