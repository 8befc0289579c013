import { expect, test } from 'vitest';
import { textOf, viewOf } from '../../src/bio/memory.js';
import { parseSamLine, SamReader } from '../../src/bio/sam.js';
import { formatVtaLine, parseVtaLine, VtaEncoder } from '../../src/bio/vta.js';
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

// Both ways of writing have to agree: one is for people's vectors, the other for an aligner's output.
test('bytes are written as the text would be', () => {
  const lines = goldenLines('pathoscope/sim_paired/isolates.sam').map((line) => viewOf(Buffer.from(line, 'latin1')));
  const long = viewOf(Buffer.from(`r\t0\tref\t4294967295\t1\t1M\t*\t0\t0\t${'A'.repeat(300_000)}\t*\tAS:i:-299995`));
  const reader = new SamReader();
  const written: Uint8Array[] = [];
  const encoder = new VtaEncoder((bytes) => written.push(bytes.slice()));
  const sizes = [...lines, long].flatMap((line) =>
    reader.read(line, 0, line.byteLength) ? [encoder.add(reader)] : [],
  );
  encoder.finish();
  const texts = [...lines, long]
    .flatMap((line) => parseSamLine(textOf(line, 0, line.byteLength)) ?? [])
    .map(formatVtaLine);
  expect(Buffer.concat(written).toString('latin1')).toBe(texts.join(''));
  expect(sizes).toEqual(texts.map((text) => text.length));
  const comma = viewOf(Buffer.from('r\t0\ta,b\t1\t1\t1M\t*\t0\t0\tA\tI\tAS:i:9'));
  reader.read(comma, 0, comma.byteLength);
  expect(() => encoder.add(reader)).toThrow("'a,b' holds a comma");
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
