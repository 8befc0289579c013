/** A new position of a sequence that is as it was otherwise. */
export type Move = { _id: string; position: number };

/** The moves that give all sequences of an isolate a position without changing their order. */
export function moves(ordered: readonly { _id: string; position?: number | undefined }[]): Move[] {
  const placed = place(ordered.map(({ position }) => position));
  return ordered.flatMap(({ _id, position: stored }, index) => {
    const position = placed[index] ?? index;
    return position === stored ? [] : [{ _id, position }];
  });
}

/** Rising positions for the sequences of an isolate that keep as many of the stored ones as the order allows. */
export function place(stored: readonly (number | undefined)[]): number[] {
  let last = -1;
  return stored.map((position) => {
    last = position !== undefined && position > last ? position : last + 1;
    return last;
  });
}
