import { createHash } from 'node:crypto';
import type { Store } from '../../store/index.js';
import type { ReferenceSummary } from '../../store/references/reference_summaries.js';
import type { Member, ReferenceDocument } from '../../store/references/references.js';
import { withId } from '../http/json.js';

/** A member with the picture that stands for the user. */
export function withIdenticon(member: Member): Member & { identicon: string } {
  return { ...member, identicon: createHash('sha256').update(member.id).digest('hex') };
}

/** A reference as its details are sent: with counts, contributors and the name of its control. */
export async function toWireReference(store: Store, reference: ReferenceDocument): Promise<Record<string, unknown>> {
  const control = reference.internal_control;
  const [summary, contributors, otu] = await Promise.all([
    store.referenceSummaries.summary(reference._id),
    store.history.contributors({ referenceId: reference._id }),
    control ? store.otus.get(control.id) : null,
  ]);
  return {
    ...withId(reference),
    users: reference.users.map(withIdenticon),
    internal_control: otu && { id: otu._id, name: otu.name },
    ...summary,
    contributors,
  };
}

/** A reference that was just made; nothing is in it yet. */
export function toWireNewReference(reference: ReferenceDocument): Record<string, unknown> {
  const summary: ReferenceSummary = { latest_build: null, otu_count: 0, unbuilt_change_count: 0 };
  return { ...withId(reference), ...summary, contributors: [] };
}
