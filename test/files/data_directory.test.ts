import { join, sep } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createDataDirectory, isSafeName, subtractionSlug } from '../../src/files/data_directory.js';
import { bowtie2PathProblem } from '../../src/tools/bowtie2.js';

const data = createDataDirectory('/laboratory/data');

describe('paths of the data directory', () => {
  test.each(['..', '.', '', 'a/b', '../x', 'a\0b', `a${'x'.repeat(300)}`, '..\\x'])('are never made of %j', (name) => {
    expect(isSafeName(name)).toBe(false);
    expect(() => data.file(name)).toThrow('Unsafe file name');
    expect(() => data.sample(name)).toThrow('Unsafe file name');
    expect(() => data.analysis('sample', name)).toThrow('Unsafe file name');
    expect(() => data.index(name, 'index')).toThrow('Unsafe file name');
  });

  test('lie below the root', () => {
    const paths = [data.file('ab12cd34-reads.fq.gz'), data.analysis('s', 'a'), data.index('r', 'i'), data.jobLog('j')];
    expect(paths.every((path) => path.startsWith(`${data.root}${sep}`))).toBe(true);
    expect(data.analysis('s', 'a')).toBe(join(data.root, 'samples', 's', 'analysis', 'a'));
  });
});

describe('the folder of a subtraction', () => {
  test('is its name in lower case with underscores, as in existing data directories', () => {
    expect(subtractionSlug('Vitis vinifera')).toBe('vitis_vinifera');
    expect(subtractionSlug('Human (hg38) & more')).toBe('human_(hg38)_&_more');
  });

  // bowtie2's wrapper makes shell text of its arguments and splits files at commas.
  test.each(['a,b', "host's", 'a$(touch x)', 'x;{y}', 'a|b', '`id`'])('can be given to bowtie2 for %j', (name) => {
    expect(bowtie2PathProblem(join('/data', subtractionSlug(name), 'reference'))).toBeUndefined();
  });

  test('is never shared by two names', () => {
    const names = ['a,b', 'a?b', 'a_b', 'a*b'];
    expect(new Set(names.map(subtractionSlug)).size).toBe(names.length);
  });
});
