import { expect, test } from 'vitest';
import { unpackDepths } from '../../../src/bio/depth_runs.js';
import { viewOf } from '../../../src/bio/memory.js';
import { AlignmentWriter } from '../../../src/bio/pathoscope/alignments.js';
import { coverBases } from '../../../src/bio/pathoscope/base_coverage.js';
import { SamReader } from '../../../src/bio/sam.js';

type Aligned = { reference?: string; position: number; cigar: string; bases?: number };

/** The table of some alignments, each of a read of its own. */
function tableOf(alignments: Aligned[]) {
  const blocks: Uint32Array[] = [];
  const writer = new AlignmentWriter((records) => blocks.push(records.slice()));
  const reader = new SamReader();
  for (const [i, { reference = 'A', position, cigar, bases = 10 }] of alignments.entries()) {
    const fields = [`r${i}`, 0, reference, position, 9, cigar, '*', 0, 0, 'A'.repeat(bases), '*', 'AS:i:9'];
    const line = viewOf(Buffer.from(fields.join('\t')));
    reader.read(line, 0, line.byteLength);
    writer.addFields(reader, 1);
  }
  return { ...writer.finish(), blocks: () => blocks };
}

/** The depths of reference A, ten bases long. */
function depthsOf(alignments: Aligned[], kept = alignments.map(() => 1)): number[] {
  const [covered] = coverBases(tableOf(alignments), Uint8Array.from(kept), [0], [10]);
  return [...unpackDepths(covered?.align ?? '')];
}

test.each([
  ['the whole read', { position: 1, cigar: '10M' }, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]],
  ['no clipped end', { position: 3, cigar: '2S5M3S' }, [0, 0, 1, 1, 1, 1, 1, 0, 0, 0]],
  ['no deleted base', { position: 1, cigar: '3M2D4M' }, [1, 1, 1, 0, 0, 1, 1, 1, 1, 0]],
  ['the bases on both sides of an insertion', { position: 2, cigar: '3M4I3M' }, [0, 1, 1, 1, 1, 1, 1, 0, 0, 0]],
  ['nothing behind the end', { position: 8, cigar: '10M' }, [0, 0, 0, 0, 0, 0, 0, 1, 1, 1]],
  ['nothing behind the end after a gap', { position: 1, cigar: '2M20N8M' }, [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]],
  ['nothing before the beginning', { position: 0, cigar: '3M' }, [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]],
  ['nothing without a CIGAR', { position: 1, cigar: '*' }, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
])('an alignment covers %s', (_, alignment, depths) => {
  const bases = alignment.cigar === '3M' ? 3 : 10;
  expect(depthsOf([{ ...alignment, bases }])).toEqual(depths);
});

test('alignments add up; lines that are not kept and other references do not count', () => {
  const alignments = [
    { position: 1, cigar: '2M8S' },
    { position: 1, cigar: '2M8S' },
    { position: 2, cigar: '2M8S' },
    { position: 1, cigar: '10M', reference: 'B' },
  ];
  expect(depthsOf(alignments, [1, 1, 0, 1])).toEqual([2, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
});

test('figures are rounded as the compatible ones, and each reference has its own', () => {
  const table = tableOf([
    { position: 1, cigar: '1M9S' },
    { position: 1, cigar: '8M2S', reference: 'B' },
  ]);
  const covered = coverBases(table, Uint8Array.of(1, 1), [1, 0], [16, 16]);
  expect(covered.map(({ coverage, depth }) => [coverage, depth])).toEqual([
    [0.5, 0],
    [0.062, 0],
  ]);
});
