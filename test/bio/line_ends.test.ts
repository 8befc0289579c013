import { expect, test } from 'vitest';
import { LineEnds } from '../../src/bio/line_ends.js';

function normalize(text: string, chunkBytes: number): { text: string; isChanged: boolean } {
  const lineEnds = new LineEnds();
  let out = '';
  for (let i = 0; i < text.length; i += chunkBytes) {
    out += lineEnds.push(Buffer.from(text.slice(i, i + chunkBytes), 'latin1')).toString('latin1');
  }
  return { text: out + lineEnds.end().toString('latin1'), isChanged: lineEnds.isChanged };
}

test.each([
  ['CR LF', 'a\r\nb\r\nc\r\n', 'a\nb\nc\n'],
  ['CR LF without the last one', 'a\r\nb\r\nc', 'a\nb\nc'],
  ['a CR that ends the file', 'a\r\nb\r', 'a\nb\n'],
  ['CR alone', 'a\rb\rc\r', 'a\nb\nc\n'],
  ['mixed ends', 'a\nb\r\nc\rd\n', 'a\nb\nc\nd\n'],
  ['CR CR LF of a file that was converted twice', 'a\r\r\nb\r\r\n', 'a\nb\n'],
  ['empty lines of each kind', '\r\n\r\na\r\rb\n\n', '\n\na\n\nb\n\n'],
])('%s become line feeds, however the text comes in chunks', (_, text, expected) => {
  for (const chunkBytes of [1, 2, 3, 100])
    expect(normalize(text, chunkBytes)).toEqual({ text: expected, isChanged: true });
});

test('text with line feeds alone stays the same memory', () => {
  const lineEnds = new LineEnds();
  const chunk = Buffer.from('a\nb\n');
  expect(lineEnds.push(chunk)).toBe(chunk);
  expect([lineEnds.end().length, lineEnds.isChanged]).toEqual([0, false]);
});
