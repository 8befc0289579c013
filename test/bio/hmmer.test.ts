import { describe, expect, test } from 'vitest';
import {
  findTies,
  formatScanTable,
  inScanOrder,
  parseScanTable,
  readScanLines,
  readSearchLines,
} from '../../src/bio/hmmer.js';
import { goldenJson, goldenText } from './golden.js';

type Hit = Record<'full_e' | 'full_score' | 'full_bias' | 'best_e' | 'best_score' | 'best_bias', number>;
type Contig = { orfs: { hits: (Hit & { hit: string })[] }[] };

const { annotation_ids, results } = goldenJson<{ annotation_ids: Record<string, string>; results: Contig[] }>(
  'hmm/expected.json',
);
const table = goldenText('hmm/hmm.tsv');
/** Less the comments behind the hits. */
const body = table.slice(0, table.indexOf('\n#\n') + 1);

describe('a table of hmmscan', () => {
  test('gives the hits of the original in its order', () => {
    const hits = parseScanTable(table);
    const found = results.map((contig, index) =>
      contig.orfs.map((_, orf) =>
        hits
          .filter((hit) => hit.contig === index && hit.orf === orf)
          .map(({ cluster, contig: _c, orf: _o, ...figures }) => ({ hit: annotation_ids[cluster], ...figures })),
      ),
    );
    // The original keeps score and bias of the best domain under each other's names.
    const expected = results.map((contig) =>
      contig.orfs.map((orf) =>
        orf.hits.map((hit) => ({ ...hit, best_score: hit.best_bias, best_bias: hit.best_score })),
      ),
    );
    expect(found).toEqual(expected);
    expect(hits.length).toBe(33);
  });

  test('is read without other profiles and comments', () => {
    expect(parseScanTable(`# target\nPF00001 - sequence_0.0 - 1 2 3 4 5 6\n${table.split('\n')[3]}\n`)).toHaveLength(1);
    expect(parseScanTable('')).toEqual([]);
  });

  test('is refused where it is cut', () => {
    expect(() => parseScanTable('vFam_3093            -          sequence_0.3         -     3.9e-16   50')).toThrow(
      SyntaxError,
    );
  });

  test('is written again byte for byte', () => {
    expect(formatScanTable(readScanLines(table))).toBe(body);
  });
});

describe('lines of hmmsearch', () => {
  const swapped = body
    .split('\n')
    .slice(3, -1)
    .map((line) => line.replace(/^(\S+) +- +(\S+) +- /, '$2 - $1 - '));

  // hmmsearch goes by profile, hmmscan by protein.
  test('become the table of hmmscan', () => {
    const lines = readSearchLines([...swapped].sort().join('\n'));
    const exact = readScanLines(table);
    expect(formatScanTable(inScanOrder(lines, exact))).toBe(body);
  });

  const line = (profile: string, protein: string, e: string) => ({
    profile,
    protein,
    figures: [e, ...Array.from({ length: 13 }, () => '1')],
  });

  test('of the same printed E-value are ordered by what hmmscan says', () => {
    const lines = [line('vFam_1', 'sequence_0.0', '1e-07'), line('vFam_2', 'sequence_0.0', '1e-07')];
    const other = line('vFam_3', 'sequence_0.10', '1e-07');
    expect(findTies([...lines, other])).toEqual([{ protein: 'sequence_0.0', profiles: ['vFam_1', 'vFam_2'] }]);
    expect(inScanOrder(lines, [...lines].reverse()).map(({ profile }) => profile)).toEqual(['vFam_2', 'vFam_1']);
  });

  test('are ordered by number of contig and ORF, not by text', () => {
    const names = ['sequence_10.0', 'sequence_2.10', 'sequence_2.9'].map((name) => line('vFam_1', name, '1'));
    expect(inScanOrder(names, []).map(({ protein }) => protein)).toEqual([
      'sequence_2.9',
      'sequence_2.10',
      'sequence_10.0',
    ]);
  });

  test('are ordered by E-value, not by its text', () => {
    const values = ['1.2', '0', '3e-120', '0.001', '9e-05'];
    const lines = values.map((e, i) => line(`vFam_${i}`, 'sequence_0.0', e));
    expect(inScanOrder(lines, []).map(({ figures }) => figures[0])).toEqual(['0', '3e-120', '9e-05', '0.001', '1.2']);
  });
});
