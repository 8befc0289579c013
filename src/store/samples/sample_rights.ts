import type { Document } from 'mongodb';

/** Who asks: the rights of a user at this moment. */
export type RightsHolder = { userId: string; administrator: boolean; groups: string[] };

/** What of a sample decides about rights. */
export type SampleRights = {
  user: { id: string };
  /** Id of the owner group; null, empty or `none` for no group. */
  group: string | null;
  group_read: boolean;
  group_write: boolean;
  all_read: boolean;
  all_write: boolean;
};

/** Names of the fields of {@link SampleRights}, for projections. */
export const SAMPLE_RIGHTS_FIELDS = ['user', 'group', 'group_read', 'group_write', 'all_read', 'all_write'] as const;

/**
 * Filters of the samples that the holder may read, one of which has to fit: the same rule as {@link canRead}, for lists. Each is served by
 * an index of its own, in the order of the list.
 */
export function readFilters(holder: RightsHolder): Document[] {
  if (holder.administrator) return [{}];
  const groups = holder.groups.filter((group) => group !== '');
  return [{ 'user.id': holder.userId }, { all_read: true }, ...groups.map((group) => ({ group, group_read: true }))];
}

/** {@link readFilters} as one filter. */
export function readFilter(holder: RightsHolder): Document {
  return holder.administrator ? {} : { $or: readFilters(holder) };
}

/** Whether the holder may read the sample, its caches, analyses and reads. */
export function canRead(holder: RightsHolder, sample: SampleRights): boolean {
  return canChangeRights(holder, sample) || sample.all_read || (sample.group_read && isMember(holder, sample));
}

/** Whether the holder may change or remove the sample and analyse it; nobody may write what they cannot read. */
export function canWrite(holder: RightsHolder, sample: SampleRights): boolean {
  if (canChangeRights(holder, sample)) return true;
  if (!canRead(holder, sample)) return false;
  return sample.all_write || (sample.group_write && isMember(holder, sample));
}

/** Whether the holder may change the rights of the sample: its owner and administrators. */
export function canChangeRights(holder: RightsHolder, sample: Pick<SampleRights, 'user'>): boolean {
  return holder.administrator || holder.userId === sample.user.id;
}

function isMember(holder: RightsHolder, sample: SampleRights): boolean {
  return Boolean(sample.group) && holder.groups.includes(sample.group ?? '');
}
