import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type HistoryDocument, nameWithAbbreviation } from '../../../src/store/history/history.js';
import { diffStates, type OtuDiff, revertDiff } from '../../../src/store/history/otu_diff.js';
import { patchOtu } from '../../../src/store/history/otu_versions.js';
import type { JoinedOtu } from '../../../src/store/otus/otus.js';

type Patch = { version: number; restores: boolean; patched: JoinedOtu; reverted_history_ids: string[] };
type Chain = { otu: string; removed: boolean; documents: JoinedOtu[]; history: HistoryDocument[]; patches: Patch[] };

const folder = new URL('../../golden/history/', import.meta.url);
const read = (name: string) => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
const chains: Chain[] = gunzipSync(readFileSync(new URL('otu_chains.jsonl.gz', folder)))
  .toString('utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));
const fixtures = read('upstream_fixtures.json');

const newestFirst = (history: HistoryDocument[]) =>
  history.toSorted((a, b) => rank(b.otu.version) - rank(a.otu.version));
const rank = (version: number | 'removed') => (version === 'removed' ? Number.POSITIVE_INFINITY : version);

describe('recorded histories', () => {
  test('diffs are those that the original stored, operation by operation', () => {
    let compared = 0;
    for (const { documents, history } of chains) {
      for (const change of history) {
        if (!Array.isArray(change.diff)) continue;
        const version = Number(change.otu.version);
        expect(diffStates(documents[version - 1], documents[version])).toEqual(change.diff);
        compared += 1;
      }
    }
    expect(compared).toBe(371);
  });

  test('every version of every OTU comes back, also where the original mixed up list items', () => {
    let mended = 0;
    for (const { removed, documents, history, patches } of chains) {
      const current = removed ? undefined : documents.at(-1);
      for (const { version, restores, patched, reverted_history_ids } of patches) {
        const found = patchOtu(current, newestFirst(history), version);
        expect(found.otu).toEqual(documents[version]);
        expect(found.revertedIds).toEqual(reverted_history_ids);
        if (restores) expect(found.otu).toEqual(patched);
        else mended += 1;
      }
    }
    expect(mended).toBe(38);
  });

  test("the fixtures of the original's own tests are patched like there", () => {
    for (const { source, version, patched, reverted_history_ids } of fixtures.patched) {
      const { otus, history } = fixtures[source];
      const found = patchOtu(otus[0], newestFirst(history), version);
      expect(found).toEqual({ otu: patched, revertedIds: reverted_history_ids });
    }
    const { before, after, diff, reverted } = fixtures.edit;
    expect(diffStates(before, after)).toEqual(diff);
    expect(revertDiff(after, diff)).toEqual(reverted);
  });

  test('OTUs are named with their abbreviation as in recorded descriptions', () => {
    for (const [otu, description] of read('descriptions.json').create) {
      expect(`Created ${nameWithAbbreviation(otu)}`).toBe(description);
    }
  });
});

describe('diffs', () => {
  // Documents of imports carry dates, and Python counts true and 1 as equal.
  test('equal dates, and true beside 1, are no difference', () => {
    const before = { at: new Date(5), flag: true, count: 1 };
    expect(diffStates(before, { at: new Date(5), flag: 1, count: true })).toEqual([]);
    expect(diffStates(before, { ...before, at: new Date(6) })).toEqual([['change', 'at', [new Date(5), new Date(6)]]]);
  });

  test('a key with a dot gives a path as a list, and is found again', () => {
    const before = { 'a.b': { c: 1 }, d: { e: 1 } };
    const after = { 'a.b': { c: 2 }, d: { e: 2 } };
    const diff: OtuDiff = [
      ['change', ['a.b', 'c'], [1, 2]],
      ['change', 'd.e', [1, 2]],
    ];
    expect(diffStates(before, after)).toEqual(diff);
    expect(revertDiff(after, diff)).toEqual(before);
  });

  test('going back leaves the newer state as it is', () => {
    const after = { list: [1, 2, 3], name: 'new' };
    revertDiff(after, diffStates({ list: [], name: 'old', gone: {} }, after));
    expect(after).toEqual({ list: [1, 2, 3], name: 'new' });
  });

  // The original took the root for a key named '' and left a broken OTU behind.
  test.each(['import', 'clone', 'remote'] as const)('before version 0 of an OTU made by %s there is none', (method) => {
    const otu = { _id: 'a', version: 0, isolates: [] } as unknown as JoinedOtu;
    const change = { _id: 'a.0', method_name: method, otu: { id: 'a', name: 'A', version: 0 } };
    const diff: OtuDiff = [['change', '', [null, otu]]];
    expect(patchOtu(otu, [{ ...change, diff }], -1)).toEqual({ otu: undefined, revertedIds: ['a.0'] });
  });

  test('a diff that does not fit the state is a fault, not a silent change', () => {
    expect(() => revertDiff({}, [['change', 'isolates.0.name', ['a', 'b']]])).toThrow('does not fit');
  });
});
