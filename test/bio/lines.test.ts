import { expect, test } from 'vitest';
import { createLineSplitter } from '../../src/bio/lines.js';

function split(text: Buffer, chunkBytes: number): string[] {
  const lines: string[] = [];
  const splitter = createLineSplitter((bytes, start, end) =>
    lines.push(Buffer.from(bytes.subarray(start, end)).toString('latin1')),
  );
  for (let i = 0; i < text.length; i += chunkBytes) splitter.push(text.subarray(i, i + chunkBytes));
  splitter.end();
  return lines;
}

test.each([1, 2, 3, 5, 100])('lines are the same whatever the chunks (%d bytes)', (chunkBytes) => {
  expect(split(Buffer.from('one\n\nthree\r\nlast'), chunkBytes)).toEqual(['one', '', 'three\r', 'last']);
  expect(split(Buffer.from('one\ntwo\n'), chunkBytes)).toEqual(['one', 'two']);
  expect(split(Buffer.from(''), chunkBytes)).toEqual([]);
});

// Read names may be in any encoding; the VTA must carry the bytes that the aligner printed.
test('a line has the bytes it came with', () => {
  const bytes = Buffer.from('@é中\xff\n', 'utf8');
  expect(split(bytes, 2).map((line) => Buffer.from(`${line}\n`, 'latin1'))).toEqual([bytes]);
});

test('a line that comes in many chunks may be longer than any of them', () => {
  const long = 'ACGT'.repeat(50_000);
  expect(split(Buffer.from(`short\n${long}\nshort\n`), 1000)).toEqual(['short', long, 'short']);
});
