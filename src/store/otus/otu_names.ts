import type { ClientSession } from 'mongodb';
import type { Database, Stored } from '../database/database.js';
import { holdLock, type LockName } from '../database/locks.js';
import type { OtuDocument } from './otus.js';

/** What another OTU of the reference has already. */
export type NameClash = 'name_exists' | 'abbreviation_exists' | 'name_and_abbreviation_exist';

type Named = Pick<OtuDocument, '_id' | 'lower_name' | 'abbreviation' | 'reference'>;

/** A name or abbreviation in the form that is stored and compared: NFC, without white space at its ends. */
export function normalizeName(name: string): string {
  return name.normalize('NFC').trim();
}

const lockOf = (referenceId: string): LockName => `otu_names ${referenceId}`;

/** Makes the transactions that give names to OTUs of one reference run one after the other. */
export function holdNames(database: Database, referenceId: string, session: ClientSession): Promise<void> {
  return holdLock(database, lockOf(referenceId), session);
}

/** Waits for those that give names in a reference that is removed in this transaction; later ones find it gone. */
export async function releaseNames(database: Database, referenceId: string, session: ClientSession): Promise<void> {
  await holdNames(database, referenceId, session);
  await database.collection<Stored>('locks').deleteOne({ _id: lockOf(referenceId) }, { session });
}

/** Whether an OTU's names are others than before, so that they have to be checked. */
export function isRenamed(otu: Named, before: Named | undefined): boolean {
  return otu.lower_name !== before?.lower_name || otu.abbreviation !== before?.abbreviation;
}

/**
 * Whether another OTU of the reference has the name, whatever its case, or the abbreviation, where there is one. What is as
 * before is not checked: old references may hold doubles, and names that are not in the form that is stored today. Sure only
 * under {@link holdNames}.
 */
export async function findNameClash(
  database: Database,
  otu: Named,
  before: Named | undefined,
  session: ClientSession,
): Promise<NameClash | undefined> {
  const wanted = comparable(otu);
  const former = before && comparable(before);
  const others = database
    .collection<OtuDocument>('otus')
    .find(
      { 'reference.id': otu.reference.id, _id: { $ne: otu._id } },
      { session, projection: { lower_name: 1, abbreviation: 1 }, batchSize: 10_000 },
    );
  const taken = { name: false, abbreviation: false };
  for await (const other of others) {
    const { name, abbreviation } = comparable(other);
    taken.name ||= name === wanted.name && name !== former?.name;
    taken.abbreviation ||=
      abbreviation !== '' && abbreviation === wanted.abbreviation && abbreviation !== former?.abbreviation;
  }
  if (taken.name && taken.abbreviation) return 'name_and_abbreviation_exist';
  if (taken.name) return 'name_exists';
  return taken.abbreviation ? 'abbreviation_exists' : undefined;
}

function comparable({ lower_name: name, abbreviation }: Pick<OtuDocument, 'lower_name' | 'abbreviation'>) {
  return { name: normalizeName(name).toLowerCase(), abbreviation: normalizeName(abbreviation ?? '') };
}
