import { BSON } from 'mongodb';
import { expect, test } from 'vitest';
import { storedResults } from '../../src/store/analysis_results.js';

const read = (document: object) => {
  const results = storedResults(BSON.serialize(document));
  return typeof results === 'object' ? [...results] : results;
};

test('the results of an undecoded document are what the driver would have read', () => {
  const results = [{ id: 'a', align: [0, 1, 2 ** 31, 1.5], otu: { id: 'x' }, none: null }, {}];
  expect(read({ before: 1, results, after: 'x' })).toEqual(results);
  expect(read({ results: [] })).toEqual([]);
});

test('there may be a file instead, or nothing', () => {
  expect(read({ results: 'file' })).toBe('file');
  expect(read({ results: null })).toBeUndefined();
  expect(read({ other: [] })).toBeUndefined();
});

test('an item that is no document is an error', () => {
  expect(() => read({ results: [{}, 5] })).toThrow(TypeError);
});
