import { expect, test } from 'vitest';
import { formatVtaLine, parseVtaLine } from '../../src/bio/vta.js';
import { goldenLines } from './golden.js';

test.each(['upstream_test_vta', 'sim_paired', 'edge/one_reference'])(
  'every line of %s is read and written back unchanged',
  (name) => {
    const lines = goldenLines(`pathoscope/${name}/input.vta`);
    expect(lines.map((line) => formatVtaLine(parseVtaLine(line)))).toEqual(lines.map((line) => `${line}\n`));
  },
);

// Read names are free text up to the first blank: a comma in one must not shift the fields.
test('commas in a read name stay in the read name', () => {
  const alignment = { read: 'run,7,1,100,', reference: 'abcd1234', position: 12, length: 101, score: 301 };
  const line = 'run,7,1,100,,abcd1234,12,101,301.0\n';
  expect(formatVtaLine(alignment)).toBe(line);
  expect(parseVtaLine(line)).toEqual(alignment);
});

test('an empty read name is a name', () => {
  expect(parseVtaLine(',abcd1234,12,101,301.0').read).toBe('');
});

test('a reference name with a comma is refused when written', () => {
  expect(() => formatVtaLine({ read: 'r', reference: 'a,b', position: 1, length: 1, score: 1 })).toThrow(
    "'a,b' holds a comma",
  );
});

test.each([
  '',
  'r1',
  'r1,a,1,50',
  'a,1,50,100.0',
  'r1,a,1,50,',
  'r1,a,x,50,100.0',
  'r1,a,1,-50,100.0',
  'r1,a,1,5.5,100.0',
  'r1,a,1,50,high',
  'r1,,1,50,100.0',
])("'%s' is an error", (line) => {
  expect(() => parseVtaLine(line)).toThrow('Not a VTA line');
});
