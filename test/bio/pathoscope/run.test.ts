import { expect, test } from 'vitest';
import { Alignments, listRecords } from '../../../src/bio/pathoscope/alignments.js';
import { reassign } from '../../../src/bio/pathoscope/em.js';
import { buildMatrix, initialAssignment } from '../../../src/bio/pathoscope/matrix.js';
import { runPathoscope } from '../../../src/bio/pathoscope/run.js';
import { tally } from '../../../src/bio/pathoscope/tally.js';

const EXAMPLE = [
  'r1,A,1,10,20.0',
  'r2,A,3,10,18.0',
  'r2,B,5,10,18.0',
  'r3,B,2,10,16.0',
  'r3,C,1,10,14.0',
  'r4,A,4,10,19.0',
  'r4,A,6,10,15.0',
  'r5,C,1,10,12.0',
  'r5,B,7,10,19.5',
];
const LENGTHS = new Map([
  ['A', 20],
  ['B', 15],
  ['C', 12],
]);

function tableOf(lines: string[]) {
  const alignments = new Alignments();
  for (const line of lines) alignments.addLine(line);
  return alignments.finish();
}

test('the worked example: weights, shares and hits', () => {
  const matrix = buildMatrix(tableOf(EXAMPLE));
  expect([...matrix.unique.weight]).toEqual([2.6881171418161356e43, 1.8112390828890233e41]);
  expect([...matrix.multi.best]).toEqual([1.2204032943178408e39, 5.54062238439351e34, 2.2065409188685626e42]);
  const initial = tally(matrix, initialAssignment(matrix.multi));
  expect([[...initial.hits], [...initial.high], [...initial.low]]).toEqual([
    [2.5, 2.5, 0],
    [0.6, 0.6, 0],
    [0, 0, 0],
  ]);
  const em = reassign(matrix);
  expect([...em.initialPi]).toEqual([0.9245935462906412, 0.07540645370927293, 8.593897516290827e-14]);
  expect([...em.pi]).toEqual([0.9245726989973122, 0.07542730100268788, 5.35247044899052e-181]);
  expect([...em.theta]).toEqual([8.574016733470438e-11, 0.9999999999142599, 7.096197765767678e-180]);
  const final = tally(matrix, em.assigned);
  expect([[...final.hits], [...final.high], [...final.low]]).toEqual([
    [2, 3, 0],
    [0.4, 0.6, 0],
    [0, 0, 0],
  ]);
});

test('the worked example: result', () => {
  const result = runPathoscope(tableOf(EXAMPLE), LENGTHS);
  expect(result.readCount).toBe(5);
  expect(result.referenceCount).toBe(3);
  expect(result.hits.map(({ align, byBase, ...hit }) => hit)).toEqual([
    {
      id: 'A',
      coverage: 0.65,
      depth: 1,
      final: { pi: 0.9245726989973122, best: 0.4, high: 0.4, low: 0, reads: 2 },
      initial: { pi: 0.9245935462906412, best: 0.5, high: 0.6, low: 0, reads: 2 },
    },
    {
      id: 'B',
      coverage: 0.933,
      depth: 2,
      final: { pi: 0.07542730100268788, best: 0.6, high: 0.6, low: 0, reads: 3 },
      initial: { pi: 0.07540645370927293, best: 0.5, high: 0.6, low: 0, reads: 2 },
    },
  ]);
  expect(EXAMPLE.filter((_, i) => result.reassignedLines[i] === 1)).toEqual([
    'r1,A,1,10,20.0',
    'r2,B,5,10,18.0',
    'r3,B,2,10,16.0',
    'r4,A,4,10,19.0',
    'r5,B,7,10,19.5',
  ]);
});

// The first round moves pi by far more than the limit here, so only the rule for a single read ends it.
test('one read with several references takes one round, two take more', () => {
  const one = ['u1,A,1,10,20.0', 'm1,A,1,10,19.0', 'm1,B,1,10,20.0'];
  expect(runPathoscope(tableOf(one), LENGTHS).rounds).toBe(1);
  expect(runPathoscope(tableOf([...one, 'm2,A,1,10,19.0', 'm2,B,1,10,20.0']), LENGTHS).rounds).toBeGreaterThan(1);
});

// A sample without viruses is a result, not a failure.
test.each([
  ['no line', []],
  ['only lines below the cut-off', ['r1,A,1,10,0.001', 'r2,B,1,10,-5.0']],
])('%s gives an empty result', (_, lines) => {
  const result = runPathoscope(tableOf(lines), new Map());
  expect(result).toMatchObject({ readCount: 0, referenceCount: 0, hits: [] });
  expect([...result.reassignedLines]).toEqual(lines.map(() => 0));
  expect(result.report.split('\r\n')[0]).toBe('Total Number of Aligned Reads:\t0\tTotal Number of Mapped Genomes:\t0');
});

test('a reported reference without a known length is an error, not a made-up value', () => {
  expect(() => runPathoscope(tableOf(EXAMPLE), new Map([['A', 20]]))).toThrow(
    "length of reference sequence 'B' is not known",
  );
  expect(() => runPathoscope(tableOf(EXAMPLE), new Map([...LENGTHS, ['B', 0]]))).toThrow("'B' has a length of 0");
});

test('bases beyond the end of the sequence are not counted', () => {
  const { hits } = runPathoscope(tableOf(['r1,A,19,10,20.0', 'r2,A,21,10,20.0', 'r3,A,1,0,20.0']), LENGTHS);
  expect(hits[0]?.align).toEqual([...new Array(18).fill(0), 1, 1]);
});

// Mates of a pair share a name and come in two separate runs of lines.
test('lines of a read count together wherever they stand', () => {
  const { readCount, hits } = runPathoscope(
    tableOf(['p1,A,1,10,20.0', 'p2,A,1,10,20.0', 'p1,B,1,10,19.0', 'p2,A,9,10,20.0']),
    LENGTHS,
  );
  expect(readCount).toBe(2);
  expect(hits.map(({ id, final }) => [id, final.reads])).toEqual([['A', 2]]);
});

test('growing beyond the first capacity changes nothing', () => {
  const lines = Array.from(
    { length: 50_000 },
    (_, i) => `read${i % 30_000},${i % 2 ? 'A' : 'B'},${(i % 10) + 1},5,${20 + (i % 7)}.0`,
  );
  const table = tableOf(lines);
  expect(table.lineCount).toBe(50_000);
  expect(table.readCount).toBe(30_000);
  const back = listRecords(table).map(
    ({ read, reference, position, length, score }) =>
      `read${read},${table.references[reference]},${position},${length},${table.scores[score]}.0`,
  );
  expect(back).toEqual(lines);
});

test('equal references stand by falling name, or by the names that are put in the place of theirs', () => {
  const table = tableOf(['r1,A,1,10,20.0', 'r2,B,1,10,20.0', 'r3,C,1,10,20.0']);
  const order = (...nameOf: [((name: string) => string)?]) =>
    runPathoscope(table, LENGTHS, ...nameOf).hits.map(({ id }) => id);
  expect(order()).toEqual(['C', 'B', 'A']);
  const names: Record<string, string> = { A: 'y', B: 'z', C: 'x' };
  expect(order((name) => names[name] ?? name)).toEqual(['B', 'A', 'C']);
});
