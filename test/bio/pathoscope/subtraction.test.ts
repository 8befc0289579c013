import { expect, test } from 'vitest';
import { Subtraction } from '../../../src/bio/pathoscope/subtraction.js';
import { goldenJson, goldenLines, sha256 } from '../golden.js';

type Case = {
  host_scores: Record<string, number>;
  subtracted_count: number;
  lines_after: number;
  sha256_after: string;
  text_before: string;
};

function subtract(hostScores: Record<string, number>, lines: string[]) {
  const subtraction = new Subtraction();
  for (const [read, score] of Object.entries(hostScores)) subtraction.addHostScore(read, score);
  for (const line of lines) subtraction.addVtaLine(line);
  const { kept, subtractedCount } = subtraction.result();
  const text = lines
    .filter((_, i) => kept[i] === 1)
    .map((line) => `${line}\n`)
    .join('');
  return { text, subtractedCount };
}

test('a read stays only if its best score is above its host score, or above 0 without one', () => {
  const { host_scores, text_before, subtracted_count, sha256_after } = goldenJson<Case>(
    'pathoscope/edge/subtraction.json',
  );
  const { text, subtractedCount } = subtract(host_scores, text_before.trimEnd().split('\n'));
  expect(subtractedCount).toBe(subtracted_count);
  expect(sha256(text)).toBe(sha256_after);
});

test.each(['sim_500', 'sim_5k', 'sim_paired', 'sim_host', 'upstream_subtraction'])(
  'the VTA of %s after subtraction, to the byte',
  (name) => {
    const expected = goldenJson<{ subtraction: Case }>(`pathoscope/${name}/expected.json`).subtraction;
    const hostScores = goldenJson<Record<string, number>>(`pathoscope/${name}/host_scores.json`);
    const { text, subtractedCount } = subtract(hostScores, goldenLines(`pathoscope/${name}/input.vta`));
    expect(subtractedCount).toBe(expected.subtracted_count);
    expect(sha256(text)).toBe(expected.sha256_after);
  },
);

// The host mapping may come first or last, and more reads than the first capacity must not lose their scores.
test('neither the order of the two mappings nor the number of reads matters', () => {
  const reads = Array.from({ length: 40_000 }, (_, i) => `read:${i}`);
  const subtraction = new Subtraction();
  for (const read of reads) subtraction.addVtaLine(`${read},ref,1,100,200.0`);
  for (const read of reads.filter((_, i) => i % 3 === 0)) subtraction.addHostScore(read, 200);
  for (const read of reads.filter((_, i) => i % 3 === 1)) subtraction.addHostScore(read, 199);
  const { kept, subtractedCount } = subtraction.result();
  expect(subtractedCount).toBe(13_334);
  expect([...kept]).toEqual(reads.map((_, i) => (i % 3 === 0 ? 0 : 1)));
});

test('the last mapped host line of a read counts', () => {
  const subtraction = new Subtraction();
  subtraction.addVtaLine('r1,ref,1,5,20.0');
  subtraction.addHostSamLine('r1\t0\thost\t1\t42\t5M\t*\t0\t0\tACGTA\tIIIII\tAS:i:90');
  subtraction.addHostSamLine('r1\t256\thost\t9\t42\t5M\t*\t0\t0\tACGTA\tIIIII\tAS:i:2');
  subtraction.addHostSamLine('r1\t4\t*\t0\t0\t*\t*\t0\t0\tACGTA\tIIIII');
  expect(subtraction.result()).toEqual({ kept: Uint8Array.of(1), subtractedCount: 0 });
});
