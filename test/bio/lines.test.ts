import { expect, test } from 'vitest';
import { LineSplitter } from '../../src/bio/lines.js';

const latin1 = (memory: DataView, start: number, end: number) =>
  Buffer.from(memory.buffer, memory.byteOffset + start, end - start).toString('latin1');

/** The lines of a text that comes in chunks, pushed or asked for. */
function split(text: Buffer, chunkBytes: number): string[] {
  const [pushed, asked]: [string[], string[]] = [[], []];
  const pushing = new LineSplitter((...line) => pushed.push(latin1(...line)));
  for (let i = 0; i < text.length; i += chunkBytes) pushing.push(text.subarray(i, i + chunkBytes));
  pushing.end();
  let at = 0;
  new LineSplitter((...line) => asked.push(latin1(...line))).pushAll((room) => {
    const count = text.copy(room, 0, at, at + chunkBytes);
    at += count;
    return count;
  });
  expect(asked).toEqual(pushed);
  return pushed;
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

test('a line may be longer than any chunk, and than the memory that is there at first', () => {
  const long = 'ACGT'.repeat(200_000);
  expect(split(Buffer.from(`short\n${long}\nshort\n`), 1000)).toEqual(['short', long, 'short']);
});
