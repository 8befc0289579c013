import { BSON } from 'mongodb';
import * as v from 'valibot';
import type { ProcessError } from '../../contracts/processes.js';
import type { SourceOtu } from '../../store/otus/otu_copies.js';
import type { DataType } from '../../store/references/references.js';
import { DuplicateFinder } from './duplicates.js';
import { UnusableReference } from './file.js';
import { type Issues, issuesByPath, type OtuOutcome, oneOf, parseOtu, text } from './otu_schema.js';

/** What a file says about itself, and the number of its OTUs. */
export type ReferenceHeader = { dataType: DataType; organism: string; otuCount: number };

const Header = v.object(
  {
    data_type: v.nullish(oneOf(['genome', 'barcode']), 'genome'),
    organism: v.nullish(v.pipe(text(), v.maxLength(1_000, 'must not be longer than 1,000 characters')), ''),
    otus: v.array(v.unknown(), 'must be of list type'),
  },
  'must be of dict type',
);

const MAXIMUM_ERRORS = 100;
/** A file with more problems is not read any further. */
const MAXIMUM_COUNTED = 10_000;
/** Bytes of an OTU; its history holds it whole with some more fields in one document, which may have 16 MiB. */
const OTU_LIMIT_BYTES = 14 * 1024 ** 2;

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
  return { dataType, organism, otuCount: otus.length };
}

/**
 * The same for the file of a release, which has to say what it is about; an organism that it does not name is `Unknown`.
 *
 * @throws UnusableReference also when it names no data type.
 */
export function checkReleaseHeader(file: unknown): ReferenceHeader {
  const header = checkHeader(file);
  if (((file as { data_type?: unknown }).data_type ?? null) === null) {
    throw new UnusableReference([{ id: 'data_type', message: 'Could not infer data type' }]);
  }
  return { ...header, organism: header.organism || 'Unknown' };
}

/** What was found out about the OTUs of a usable file. */
export type CheckedOtus = { uracilSequences: number };

/**
 * Checks all OTUs of a reference file and keeps none of them. What follows a release needs the ids in it.
 *
 * @throws UnusableReference with an entry for each kind of duplicate and for each OTU that has problems.
 */
export async function checkOtus(
  otus: AsyncIterable<unknown>,
  ids: 'optional' | 'required' = 'optional',
): Promise<CheckedOtus> {
  const duplicates = new DuplicateFinder();
  const problems: ProcessError[] = [];
  let index = 0;
  let wrong = 0;
  let uracilSequences = 0;
  for await (const value of otus) {
    duplicates.add(value);
    const outcome = checkOtu(value, ids);
    if (outcome.ok) uracilSequences += outcome.uracil;
    else {
      wrong += 1;
      if (wrong <= MAXIMUM_ERRORS) problems.push(otuError(value, index, outcome.issues));
      if (wrong >= MAXIMUM_COUNTED) break;
    }
    index += 1;
  }
  if (wrong > MAXIMUM_ERRORS) {
    const more = wrong < MAXIMUM_COUNTED ? `${wrong - MAXIMUM_ERRORS} more` : 'Many more';
    problems.push({ id: 'otu', message: `${more} OTUs have problems` });
  }
  const errors = [...duplicates.errors(), ...problems];
  if (errors.length > 0) throw new UnusableReference(errors);
  return { uracilSequences };
}

/** The OTUs of a file that {@link checkOtus} has passed, from number `from` on. */
export async function* sourceOtus(otus: AsyncIterable<unknown>, from: number): AsyncGenerator<SourceOtu> {
  let index = 0;
  for await (const value of otus) {
    index += 1;
    if (index <= from) continue;
    const outcome = parseOtu(value);
    if (!outcome.ok) throw new Error(`OTU ${index} of the file is not what it was`);
    yield outcome.otu;
  }
}

function checkOtu(value: unknown, ids: 'optional' | 'required'): OtuOutcome {
  const outcome = parseOtu(value, ids);
  if (!outcome.ok || BSON.calculateObjectSize(outcome.otu) <= OTU_LIMIT_BYTES) return outcome;
  return { ok: false, issues: { isolates: ['hold more than the 14 MiB that an OTU may have'] } };
}

function otuError(otu: unknown, index: number, issues: Issues): ProcessError {
  const name = (otu as { name?: unknown } | null)?.name;
  const title =
    typeof name === 'string' && name !== '' ? `OTU ${index + 1} (${name.slice(0, 100)})` : `OTU ${index + 1}`;
  const [path, messages] = Object.entries(issues)[0] ?? ['', []];
  return { id: 'otu', message: `${title}: ${path}: ${messages[0] ?? ''}`, issues };
}
