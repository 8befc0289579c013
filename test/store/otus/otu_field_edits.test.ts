import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { changedFields, describeOtuEdit, editOtu, type OtuFields } from '../../../src/store/otus/otu_field_edits.js';
import type { JoinedOtu, Segment } from '../../../src/store/otus/otus.js';
import { otuOf } from '../../support/references.js';

type Recorded = { name: string | null; abbreviation: string | null; schema: Segment[] | null };

const recorded = JSON.parse(
  readFileSync(new URL('../../golden/history/descriptions.json', import.meta.url), 'utf8'),
) as {
  edit: (Recorded & { old_abbreviation: string; description: string | null })[];
  evaluate_changes: { data: Partial<Recorded>; document: OtuFields & { name: string }; result: unknown[] }[];
};

// What the original read from a body: texts are trimmed, and null counts as absent.
function fieldsOf({ name, abbreviation, schema }: Partial<Recorded>): OtuFields {
  return {
    ...(typeof name === 'string' ? { name: name.trim() } : {}),
    ...(typeof abbreviation === 'string' ? { abbreviation: abbreviation.trim() } : {}),
    ...(schema ? { schema } : {}),
  };
}

describe('recorded sentences', () => {
  test('every combination of changes is told as the original told it', () => {
    for (const { old_abbreviation, description, ...changes } of recorded.edit) {
      expect(describeOtuEdit(fieldsOf(changes), old_abbreviation) ?? null).toBe(description);
    }
    expect(recorded.edit.length).toBe(108);
  });

  test('the same values count as changes as for the original', () => {
    for (const { data, document, result } of recorded.evaluate_changes) {
      const { name = null, abbreviation = null, schema = null } = changedFields(document, fieldsOf(data));
      expect([name, abbreviation, schema]).toEqual(result);
    }
  });
});

describe('a new schema', () => {
  const segment = (name: string): Segment => ({ name, required: true, molecule: '' });
  const withSegments = (names: string[], segments: (string | null | undefined)[]): JoinedOtu => {
    const otu = otuOf('ref1', { schema: names.map(segment) });
    const [first] = otu.isolates;
    const [template] = first!.sequences;
    first!.sequences = segments.map((one, index) => {
      const { segment: _, ...rest } = template!;
      return { ...rest, _id: `seq${index}`, ...(one === undefined ? {} : { segment: one }) };
    });
    return otu;
  };
  const edit = (otu: JoinedOtu, names: string[]) => {
    const change = editOtu({ schema: names.map(segment) })(otu);
    if (typeof change === 'string') throw new Error(change);
    return change.otu.isolates[0]!.sequences;
  };

  test('takes the segment from sequences whose segment is gone, and only from those', () => {
    const otu = withSegments(['A', 'B'], ['A', 'B', null, undefined, '']);
    const before = structuredClone(otu);
    const after = edit(otu, ['B']);
    expect(after.map((sequence) => ('segment' in sequence ? sequence.segment : 'absent'))).toEqual([
      'absent',
      'B',
      null,
      'absent',
      '',
    ]);
    expect(otu).toEqual(before);
    // The same objects: nothing is written for them.
    expect(after[1]).toBe(otu.isolates[0]!.sequences[1]);
  });

  // The client renames by sending the whole list.
  test('with another name at the same place renames the segment of the sequences', () => {
    expect(edit(withSegments(['A', 'B'], ['A', 'B']), ['A', 'C']).map(({ segment }) => segment)).toEqual(['A', 'C']);
  });

  test('in another order changes no sequence', () => {
    expect(edit(withSegments(['A', 'B'], ['A', 'B']), ['B', 'A']).map(({ segment }) => segment)).toEqual(['A', 'B']);
  });

  test('without the segment does not hand its sequences to a neighbour', () => {
    const after = edit(withSegments(['A', 'B', 'C'], ['A', 'C']), ['B', 'C', 'D']);
    expect(after.map(({ segment }) => segment)).toEqual([undefined, 'C']);
    expect(edit(withSegments(['A', 'B'], ['A']), ['X'])[0]).not.toHaveProperty('segment');
  });
});
