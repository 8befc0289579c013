import { type AlignmentTable, READ_MASK, RECORD } from '../../../src/bio/pathoscope/alignments.js';

/** The records of a table, one object per line. */
export function recordsOf(table: AlignmentTable) {
  return [...table.blocks()].flatMap((records) =>
    Array.from({ length: records.length / RECORD.words }, (_, i) => {
      const word = (name: Exclude<keyof typeof RECORD, 'words'>) => records[i * RECORD.words + RECORD[name]]!;
      return {
        read: word('read') & READ_MASK,
        reference: word('reference'),
        position: word('position'),
        length: word('length'),
        score: word('score'),
      };
    }),
  );
}
