import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatCsv } from '../../../src/api/analyses/downloads/csv.js';
import type { NuvsContig } from '../../../src/api/analyses/downloads/nuvs.js';
import { median, resultTable } from '../../../src/api/analyses/downloads/table.js';
import { encodeOtus, formatNuvs, formatPathoscope } from '../../../src/api/analyses/format.js';
import type { PathoscopeHit } from '../../../src/store/analyses.js';
import type { JoinedOtu } from '../../../src/store/otus/otus.js';
import { editOtu, insertOtu, otuOf, removeOtu } from '../../support/references.js';
import { type TestStore, testStore } from '../../support/store.js';

let test_: TestStore;
beforeEach(async () => {
  test_ = await testStore();
});
afterEach(() => test_.dispose());

const THRESHOLDS = { positive_coverage: 0.5, negative_coverage: 0.2, strong_weight: 0.001 };

async function format(hits: PathoscopeHit[]): Promise<Record<string, unknown>[]> {
  const pieces = encodeOtus(await formatPathoscope(test_.store, hits), THRESHOLDS);
  return JSON.parse(`[${Buffer.concat(pieces)}]`);
}

function hitOf(otu: JoinedOtu, isolate: number, changes: Partial<PathoscopeHit> = {}): PathoscopeHit {
  return {
    id: otu.isolates[isolate]?.sequences[0]?._id ?? '',
    otu: { id: otu._id, version: otu.version },
    align: [0, 0, 1, 1, 2, 3, 3, 3],
    coverage: 0.75,
    depth: 2,
    final: { pi: 0.6, best: 0.5, high: 0.5, low: 0, reads: 12 },
    initial: { pi: 0.1, best: 0.2, high: 0.3, low: 0, reads: 7 },
    ...changes,
  };
}

const addOtu = (id: string) => insertOtu(test_.store, otuOf('r1', { _id: id, abbreviation: 'AV' }));

describe('a Pathoscope result', () => {
  test('is one entry per OTU with all its isolates; sequences without a hit have zeros, none has bases', async () => {
    const otu = await addOtu('otu1');
    const results = await format([hitOf(otu, 1)]);
    const common = { accession: 'ACC_otu1', definition: 'complete genome', host: '', segment: null };
    expect(results).toEqual([
      {
        id: 'otu1',
        name: 'Virus otu1',
        version: 0,
        abbreviation: 'AV',
        length: 8,
        decision: {
          call: 'positive',
          reason: 'Coverage 0.75 is above 0.5 and weight 0.6 above 0.001',
          rule: 'coverage-and-weight/1',
          coverage: 0.75,
          weight: 0.6,
          thresholds: THRESHOLDS,
        },
        isolates: [
          {
            id: 'aotu1',
            source_type: 'isolate',
            source_name: 'a',
            default: true,
            sequences: [
              {
                ...common,
                id: 'a_otu1',
                otu_id: 'otu1',
                isolate_id: 'aotu1',
                reference: { id: 'r1' },
                pi: 0,
                reads: 0,
                coverage: 0,
                best: 0,
                length: 8,
              },
            ],
          },
          {
            id: 'botu1',
            source_type: 'isolate',
            source_name: 'b',
            default: false,
            sequences: [
              {
                ...common,
                id: 'b_otu1',
                reference: { id: 'r1' },
                align: [
                  [0, 0],
                  [1, 0],
                  [2, 1],
                  [3, 1],
                  [4, 2],
                  [5, 3],
                  [6, 3],
                  [7, 3],
                ],
                coverage: 0.75,
                depth: 2,
                length: 8,
                pi: 0.6,
                best: 0.5,
                high: 0.5,
                low: 0,
                reads: 12,
              },
            ],
          },
        ],
      },
    ]);
  });

  test('shows each OTU as it was in the index, in the order of the first hits, also when it is removed', async () => {
    const [first, second] = [await addOtu('first'), await addOtu('second')];
    await editOtu(test_.store, 'first', (otu) => {
      otu.name = 'Renamed';
    });
    await removeOtu(test_.store, 'second');
    const results = await format([hitOf(second, 0), hitOf(first, 0), hitOf(second, 1)]);
    expect(results.map(({ id, name, version }) => [id, name, version])).toEqual([
      ['second', 'Virus second', 0],
      ['first', 'Virus first', 0],
    ]);
    const [{ isolates }] = results as [{ isolates: { sequences: { pi: number }[] }[] }];
    expect(isolates.map(({ sequences }) => sequences[0]?.pi)).toEqual([0.6, 0.6]);
  });

  test('keeps the hits of an OTU that nothing is known of, and marks it', async () => {
    const known = await addOtu('known');
    const lost = otuOf('r1', { _id: 'lost' });
    const results = await format([hitOf(lost, 0), hitOf(known, 0)]);
    expect(results).toMatchObject([
      {
        id: 'lost',
        name: 'Unknown OTU',
        missing: true,
        length: 8,
        isolates: [{ sequences: [{ id: 'a_lost', pi: 0.6, length: 8 }] }],
      },
      { id: 'known' },
    ]);
    expect(results[1]).not.toHaveProperty('missing');
  });

  test('of an old release, with its figures in the hit itself, is shown as well', async () => {
    const otu = await addOtu('otu1');
    const { final, initial, ...hit } = hitOf(otu, 0);
    const [shown] = await format([{ ...hit, ...final }]);
    expect(shown).toMatchObject({ isolates: [{ sequences: [{ pi: 0.6, reads: 12 }] }, {}] });
  });

  test('has a call per OTU, by all its hits and the given thresholds', async () => {
    const [found, lost, weak] = [await addOtu('found'), otuOf('r1', { _id: 'lost' }), await addOtu('weak')];
    const results = await format([
      hitOf(found, 0, { coverage: 0.3 }),
      hitOf(found, 1, { coverage: 0.9 }),
      hitOf(lost, 0, { coverage: 0.1 }),
      hitOf(weak, 0, { coverage: 0.9, final: { pi: 0.0001, best: 0, high: 0, low: 0, reads: 1 } }),
    ]);
    expect(results.map(({ decision }) => decision)).toMatchObject([
      { call: 'positive', coverage: 0.9, weight: 1.2 },
      { call: 'negative', coverage: 0.1 },
      { call: 'suspect', weight: 0.0001 },
    ]);
  });

  test('without hits is empty', async () => {
    expect(await format([])).toEqual([]);
  });

  // A large result must not hold up the requests of others.
  test('gives other work its turn while it is formatted', async () => {
    const otu = otuOf('r1', { _id: 'large' });
    for (const { sequences } of otu.isolates) for (const one of sequences) one.sequence = 'A'.repeat(200_000);
    await insertOtu(test_.store, otu);
    const align = Array.from({ length: 200_000 }, (_, index) => (index * 7) % 11);
    const hits = [hitOf(otu, 0, { align }), hitOf(otu, 1, { align })];
    await test_.store.otuVersions.getBuiltOtus([{ id: 'large', version: 0 }]);
    let turns = 0;
    let isDone = false;
    const tick = () => {
      turns += 1;
      if (!isDone) setImmediate(tick);
    };
    const formatting = formatPathoscope(test_.store, hits);
    setImmediate(tick);
    await formatting;
    isDone = true;
    expect(turns).toBeGreaterThan(0);
  });
});

describe('a NuVs result', () => {
  test('gains what is known of the HMMs, also of hidden ones; a hit without its HMM stays', async () => {
    const entry = { cluster: 3463, families: { Baculoviridae: 3 }, names: ['ORF-63'], hidden: true, count: 4 };
    await test_.store.database.collection('hmm').insertOne({ _id: 'h1', ...entry } as never);
    const contig = {
      index: 0,
      sequence: 'ATGC',
      orfs: [{ index: 0, hits: [{ hit: 'h1', full_e: 1e-9 }, { hit: 'gone' }] }],
    };
    const texts = await formatNuvs(test_.store, [contig, { ...contig, index: 1, orfs: [] }] as unknown as NuvsContig[]);
    const results = texts.map((text) => JSON.parse(text));
    const annotation = { cluster: 3463, families: { Baculoviridae: 3 }, names: ['ORF-63'] };
    expect(results).toEqual([
      {
        index: 0,
        sequence: 'ATGC',
        orfs: [{ index: 0, hits: [{ hit: 'h1', full_e: 1e-9, ...annotation }, { hit: 'gone' }] }],
      },
      { index: 1, sequence: 'ATGC', orfs: [] },
    ]);
  });
});

describe('the table of a Pathoscope result', () => {
  test('has a row per sequence, with the median of the depths', async () => {
    const otu = otuOf('r1', { _id: 'otu1', name: 'A "great", virus' });
    const [, second] = otu.isolates;
    Object.assign(second ?? {}, { source_type: 'STRAIN', source_name: '' });
    await insertOtu(test_.store, otu);
    expect(formatCsv(await resultTable(test_.store.otuVersions, [hitOf(otu, 0)]))).toBe(
      [
        '"OTU","Isolate","Sequence","Length","Weight","Median Depth","Coverage"',
        '"A ""great"", virus","Isolate a","ACC_otu1",8,0.6,1.5,0.75',
        '"A ""great"", virus","Unnamed Isolate","ACC_otu1",8,0,0,0',
        '',
      ].join('\r\n'),
    );
  });

  test('has the decision on the OTU in each row when there are thresholds', async () => {
    const otu = await addOtu('otu1');
    const rows = await resultTable(test_.store.otuVersions, [hitOf(otu, 1)], THRESHOLDS);
    const decision = ['positive', 'Coverage 0.75 is above 0.5 and weight 0.6 above 0.001', 'coverage-and-weight/1'];
    expect(rows.map((row) => row.slice(6))).toEqual([
      ['Coverage', 'Decision', 'Reason', 'Rule'],
      [0, ...decision],
      [0.75, ...decision],
    ]);
  });

  test('takes the middle depth, or the mean of both', () => {
    expect([[], [7], [9, 1, 10], [4, 1, 2, 10]].map(median)).toEqual([0, 7, 9, 3]);
  });
});
