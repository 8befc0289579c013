import { join } from 'node:path';
import { expect, test } from 'vitest';
import { toNuvsReport } from '../../../src/demo/nuvs/findings.js';
import { nuvsText } from '../../../src/demo/nuvs/text.js';
import { readTruth } from '../../../src/demo/truth.js';
import { testFolder } from '../../support/folders.js';
import { DATA, recordedNuvs } from '../recorded.js';

const truth = await readTruth(join(DATA, 'single_small.truth.json'));
const recorded = async () => ({ ...(await recordedNuvs(testFolder())), hmmRelease: 'demo' });

test('the contig of the unknown virus is found by its length and its proteins', async () => {
  const report = toNuvsReport(await recorded(), truth);
  expect(report.hidden).toEqual([{ name: 'Southern bean mosaic virus', bases: 4132, contig: 0, passed: true }]);
  expect(report.passed).toBe(true);
  expect(report.contigs.map(({ bases, orfs }) => [bases, orfs.length])).toEqual([
    [4123, 5],
    [565, 1],
    [422, 1],
    [375, 1],
  ]);
  const best = report.contigs[0]!.orfs.flatMap(({ matches }) => matches).sort((a, b) => a.eValue - b.eValue)[0];
  expect(best).toMatchObject({ cluster: 408, eValue: 7.3e-119, score: 388.1 });
  expect(best!.viruses).toContain('Southern bean mosaic virus');
});

test('half of the virus, one that is like nothing, and none at all fail', async () => {
  const whole = await recorded();
  const [first, ...others] = whole.analysis.results;
  const half = { ...first!, sequence: first!.sequence.slice(0, 3000) };
  const alien = { ...first!, orfs: first!.orfs.map((orf) => ({ ...orf, hits: [] })) };
  for (const results of [[half, ...others], [alien, ...others], others, []]) {
    const report = toNuvsReport({ ...whole, analysis: { ...whole.analysis, results } }, truth);
    expect(report.passed).toBe(false);
    expect(nuvsText(report).at(-1)).toMatch(/^✗ No contig is like Southern bean mosaic virus/);
  }
});

test('the text shows the contigs, where the ORFs lie, and what they are like', async () => {
  const text = nuvsText(toNuvsReport(await recorded(), truth));
  expect(text).toContainEqual(
    expect.stringMatching(/^ +0 +4123 +5 +7 +7\.3e-119 {2}putative protease, protease of .* and 3 more$/),
  );
  expect(text).toContainEqual(expect.stringMatching(/^ +3 +375 +1 +0$/));
  const maps = text.filter((line) => /[▶◀·]{40}/.test(line));
  expect(maps).toHaveLength(5);
  for (const map of maps) expect(map).toMatch(/^ +\d {2}\d+–\d+ +\d+ {2}·*(▶+|◀+)·*( |$)/);
  expect(text.at(-1)).toMatch(
    /^✓ Contig 0 is Southern bean mosaic virus.* 4123 bases, 99\.8 % of its genome of 4132\.$/,
  );
});
