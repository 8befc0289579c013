/** Positions from 1, both ends included. */
export type PositionGroup = { first: number; last: number };

/** FastQC's lines of a table: every position up to 9, behind them ranges, so that there are fewer than 75. */
export function positionGroups(positions: number): PositionGroup[] {
  const interval = positions <= 75 ? 1 : groupInterval(positions);
  const groups: PositionGroup[] = [];
  for (let first = 1; first <= positions; first = (groups.at(-1) as PositionGroup).last + 1) {
    let last = first < 10 ? first : first + interval - 1;
    // The first range ends where the others begin: 10-19 for 20, then 20-39.
    if (first === 10 && interval > 10) last = interval - 1;
    groups.push({ first, last: Math.min(last, positions) });
  }
  return groups;
}

/** The first column of such a line. */
export function groupLabel({ first, last }: PositionGroup): string {
  return first === last ? String(first) : `${first}-${last}`;
}

function groupInterval(positions: number): number {
  for (let scale = 1; ; scale *= 10) {
    for (const base of [2, 5, 10]) if (9 + Math.ceil((positions - 9) / (base * scale)) < 75) return base * scale;
  }
}
