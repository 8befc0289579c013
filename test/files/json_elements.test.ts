import { describe, expect, test } from 'vitest';
import { JsonElements, type JsonLimits, JsonTooLarge, NO_JSON_LIMITS } from '../../src/files/json_elements.js';

/** The elements and the rest, with the text handed over in pieces of so many bytes. */
function cut(text: string, { key, limits = {}, pieces = 7 }: { key?: string; limits?: object; pieces?: number } = {}) {
  const elements = new JsonElements({ ...NO_JSON_LIMITS, ...limits } as JsonLimits, key);
  const found: unknown[] = [];
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieces) {
    elements.push(bytes.subarray(at, at + pieces), (element) => found.push(JSON.parse(element.toString('utf8'))));
  }
  return { found, rest: elements.end() };
}

const REFERENCE = {
  'a "key" with \\ and ü': '[{"otus": [1]}]',
  otus: [{ a: '],}' }, { b: [[], { c: ['"', '\\', 'é'] }] }, 5, 'x,y]', null, [1, [2]]],
  nested: { otus: [1, 2] },
  last: [1],
};

describe('the elements of one list', () => {
  test.each([1, 2, 7, 10_000])(
    'are told from the rest, in pieces of %d bytes, however the text is laid out',
    (pieces) => {
      for (const text of [JSON.stringify(REFERENCE), ` ${JSON.stringify(REFERENCE, null, 3)}\n`]) {
        const { found, rest } = cut(text, { key: 'otus', pieces });
        expect(found).toEqual(REFERENCE.otus);
        expect(rest).toEqual({ ...REFERENCE, otus: REFERENCE.otus.map(() => 0) });
      }
    },
  );

  test('are none when the key has no list, or is that of an inner document', () => {
    for (const value of [{ otus: 3 }, { x: { otus: [1] } }, [{ otus: [1] }], { 'the "otus': [1] }, {}, 'otus']) {
      expect(cut(JSON.stringify(value), { key: 'otus' })).toEqual({ found: [], rest: value });
    }
  });

  test('of a key that is written with escapes are found', () => {
    expect(cut('{"\\u006ftus" : [7]}', { key: 'otus' })).toEqual({ found: [7], rest: { otus: [0] } });
  });

  test.each([
    '{"otus": [1,]}',
    '{"otus": [,1]}',
    '{"otus": [1 2]}',
    '{"otus": [1}',
    '{"otus": [1]',
    '{"otus": [{"a": 1',
    '{"otus": [1]]}',
    '{"otus": [1], "otus": [2]}',
    '{"otus": [1]} x',
    '',
  ])('are refused when the text is no JSON: %s', (text) => {
    expect(() => cut(text, { key: 'otus' })).toThrow(SyntaxError);
  });
});

describe('a limit', () => {
  const many = (count: number) => `{"otus":[${Array(count).fill('{}').join(',')}]}`;

  test.each([
    ['bytes', { bytes: 1024 ** 2 }, ' '.repeat(1024 ** 2 + 1), 'unpacks to more than 1 MiB'],
    ['values', { values: 1_000 }, many(1_000), 'holds more than 1,000 values'],
    ['nesting', { depth: 50 }, '['.repeat(51), 'is nested deeper than 50 levels'],
    [
      'values of an element',
      { elementValues: 100 },
      `{"otus":[{"a":${many(100)}}]}`,
      'holds a list element with more than 100 values',
    ],
    [
      'the size of an element',
      { elementBytes: 1024 ** 2 },
      `{"otus":["${'A'.repeat(1024 ** 2)}"]}`,
      'holds a list element of more than 1 MiB',
    ],
    [
      'the size of the rest',
      { elementBytes: 1024 ** 2 },
      `{"x":"${'A'.repeat(1024 ** 2)}"}`,
      'holds more than 1 MiB outside of its list',
    ],
  ])('of %s holds', (_, limits, text, message) => {
    const reading = () => cut(text, { key: 'otus', limits, pieces: 1000 });
    expect(reading).toThrow(JsonTooLarge);
    expect(reading).toThrow(message);
  });

  test('lets pass what just keeps it', () => {
    expect(cut(many(1_000), { key: 'otus', limits: { values: 2_001, elementValues: 1, depth: 3 } }).found).toHaveLength(
      1_000,
    );
  });
});
