import { place } from './sequence_positions.js';
import type { SequenceDocument, SequenceWrites } from './sequences.js';

/**
 * The writes that lead to a new state of an OTU. A sequence that stays as it is has to be the same object before and after; stored
 * positions are kept where they give the wanted order.
 *
 * @param positions those that are stored, by sequence id
 */
export function sequenceWrites(
  before: readonly SequenceDocument[],
  isolates: readonly { sequences: readonly SequenceDocument[] }[],
  positions: ReadonlyMap<string, number>,
): SequenceWrites {
  const former = new Map(before.map((sequence) => [sequence._id, sequence]));
  const kept = new Set(isolates.flatMap(({ sequences }) => sequences.map(({ _id }) => _id)));
  const remove = [...former.keys()].filter((id) => !kept.has(id));
  const writes: SequenceWrites = { insert: [], replace: [], move: [], remove };
  for (const { sequences } of isolates) {
    const placed = place(sequences.map(({ _id }) => positions.get(_id)));
    for (const [index, sequence] of sequences.entries()) {
      const { _id } = sequence;
      const position = placed[index] ?? index;
      if (!former.has(_id)) writes.insert.push({ ...sequence, position });
      else if (former.get(_id) !== sequence) writes.replace.push({ ...sequence, position });
      else if (position !== positions.get(_id)) writes.move.push({ _id, position });
    }
  }
  return writes;
}
