import { describe, expect, test } from 'vitest';
import { decide, gatherEvidence } from '../../src/bio/decision.js';

const thresholds = { positive_coverage: 0.5, negative_coverage: 0.2, strong_weight: 0.001 };
const call = (coverage: number, weight: number) => {
  const { call: made, reason } = decide({ coverage, weight }, thresholds);
  return [made, reason];
};

describe('the evidence for a virus', () => {
  test('is the coverage of its best isolate over all segments, and the weight of all isolates', () => {
    const evidence = gatherEvidence([
      [
        { length: 3_000, coverage: 1, weight: 0.25 },
        { length: 1_000, coverage: 0, weight: 0 },
      ],
      [{ length: 4_000, coverage: 0.5, weight: 0.125 }],
    ]);
    expect(evidence).toEqual({ coverage: 0.75, weight: 0.375 });
  });

  test('is none without sequences or bases', () => {
    expect(gatherEvidence([])).toEqual({ coverage: 0, weight: 0 });
    expect(gatherEvidence([[], [{ length: 0, coverage: 0.5, weight: 0.5 }]])).toEqual({ coverage: 0, weight: 0.5 });
  });
});

describe('a virus', () => {
  test('is positive when coverage and weight are above their thresholds', () => {
    expect(call(0.999, 0.55)).toEqual(['positive', 'Coverage 0.999 is above 0.5 and weight 0.55 above 0.001']);
  });

  test('is negative when its coverage is below the threshold, also with many reads', () => {
    expect(call(0.1, 0.9)).toEqual(['negative', 'Coverage 0.1 is below 0.2']);
    expect(call(0, 0)[0]).toBe('negative');
  });

  test('is suspect in between, or when there are few reads', () => {
    expect(call(0.3, 0.9)).toEqual(['suspect', 'Coverage 0.3 is not below 0.2 and not above 0.5']);
    expect(call(0.9, 0.0005)).toEqual(['suspect', 'Coverage 0.9 is above 0.5, but weight 0.0005 is not above 0.001']);
  });

  test('is suspect on a threshold itself', () => {
    expect(call(0.5, 0.9)[0]).toBe('suspect');
    expect(call(0.2, 0.9)[0]).toBe('suspect');
    expect(call(0.6, 0.001)[0]).toBe('suspect');
    expect(call(0.500001, 0.001001)).toEqual([
      'positive',
      'Coverage 0.500001 is above 0.5 and weight 0.001001 above 0.001',
    ]);
  });

  test('is called by other thresholds when there are others, which stand in the decision with figures and rule', () => {
    const strict = { positive_coverage: 0.95, negative_coverage: 0.9, strong_weight: 0 };
    expect(decide({ coverage: 0.92, weight: 0 }, strict)).toEqual({
      call: 'suspect',
      reason: 'Coverage 0.92 is not below 0.9 and not above 0.95',
      rule: 'coverage-and-weight/1',
      coverage: 0.92,
      weight: 0,
      thresholds: strict,
    });
  });
});
