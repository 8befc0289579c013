import { afterEach, beforeEach, expect, test } from 'vitest';
import { blastError } from '../../src/contracts/blast.js';
import { RESULT } from '../support/blast_server.js';
import { bareContigs, insertNuvsAnalysis } from '../support/nuvs_analysis.js';
import { type TestStore, testStore } from '../support/store.js';

let lab: TestStore;
beforeEach(async () => {
  lab = await testStore();
  await insertNuvsAnalysis(lab.store, { results: bareContigs('ACGT', 'GGCC') });
});
afterEach(() => lab.dispose());

const searchOf = (index: number, rid = 'R1') => ({ analysisId: 'a1', index, rid });
const blasts = async () => (await lab.store.analyses.get('a1'))?.blasts;

/** Tries all that can happen to a search; gives what was taken. */
async function tryAll(search: ReturnType<typeof searchOf>): Promise<boolean[]> {
  const { blast } = lab.store;
  return [
    await blast.isWaiting(search),
    await blast.noteCheck(search, 99),
    await blast.fail(search, blastError('bug')),
    await blast.complete(search, 99, RESULT),
  ];
}
const NOTHING = [false, false, false, false];

test('a BLAST that is done or has failed is never changed, nor one of another contig or search', async () => {
  const { blast } = lab.store;
  await blast.begin(searchOf(0), 3);
  await blast.begin(searchOf(1), 3);
  expect(await blast.complete(searchOf(0), 60, RESULT)).toBe(true);
  expect(await blast.fail(searchOf(1), blastError('failed'))).toBe(true);
  const before = await blasts();
  expect(before).toMatchObject([
    { index: 0, state: 'done', interval: 60, result: RESULT },
    { index: 1, state: 'failed', interval: 3, error: blastError('failed') },
  ]);
  for (const search of [searchOf(0), searchOf(1), searchOf(1, 'R2'), searchOf(2)]) {
    expect(await tryAll(search)).toEqual(NOTHING);
  }
  expect(await blasts()).toEqual(before);
});

test('of two that begin at once for a contig one stays, and each that is replaced is told', async () => {
  const { blast } = lab.store;
  const begun = await Promise.all(['R1', 'R2', 'R3'].map((rid) => blast.begin(searchOf(0, rid), 3)));
  const replaced = begun.map((one) => one?.former?.rid);
  const kept = (await blasts())?.map(({ rid }) => rid);
  expect(kept).toHaveLength(1);
  expect([...replaced.filter((rid) => rid !== undefined), ...(kept ?? [])].sort()).toEqual(['R1', 'R2', 'R3']);
});

test('a BLAST of an analysis that is gone does not begin', async () => {
  await lab.store.analyses.remove('a1');
  expect(await lab.store.blast.begin(searchOf(0), 3)).toBeUndefined();
});
