import type { ClientSession } from 'mongodb';
import type { Database, Stored } from '../database/database.js';
import { holdLock, type LockName } from '../database/locks.js';
import type { OtuDocument } from './otus.js';

/** What another OTU of the reference has already. */
export type NameClash = 'name_exists' | 'abbreviation_exists' | 'name_and_abbreviation_exist';

type Named = Pick<OtuDocument, '_id' | 'lower_name' | 'abbreviation' | 'reference'>;

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
 * before is not checked: old references may hold doubles. Sure only under {@link holdNames}.
 */
export async function findNameClash(
  database: Database,
  otu: Named,
  before: Named | undefined,
  session: ClientSession,
): Promise<NameClash | undefined> {
  const otus = database.collection<OtuDocument>('otus');
  const isTaken = async (field: 'lower_name' | 'abbreviation'): Promise<boolean> => {
    if (otu[field] === '' || otu[field] === before?.[field]) return false;
    const holders = { 'reference.id': otu.reference.id, [field]: otu[field] };
    return (await otus.findOne(holders, { session, projection: { _id: 1 } })) !== null;
  };
  const name = await isTaken('lower_name');
  const abbreviation = await isTaken('abbreviation');
  if (name && abbreviation) return 'name_and_abbreviation_exist';
  if (name) return 'name_exists';
  return abbreviation ? 'abbreviation_exists' : undefined;
}
