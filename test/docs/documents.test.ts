import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { optionTable, textBetweenMarkers } from './option_table.js';

const ROOT = join(import.meta.dirname, '../..');
const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'docs/architecture.md',
  'demo/README.md',
  'test/conformance/README.md',
];

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const withoutCode = (text: string) => text.replaceAll(/^```[\s\S]*?^```/gm, '');

test('the configuration table of the README lists the options of the code, with their help', () => {
  expect(textBetweenMarkers(read('README.md'))).toBe(optionTable());
});

test.each(DOCUMENTS)('every link of %s leads to a file and a heading of this repository', (document) => {
  const broken = [...withoutCode(read(document)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^(https?|mailto):/.test(target))
    .filter((target) => !leadsSomewhere(document, target));
  expect(broken).toEqual([]);
});

// What a reader is sent to must be there, also when it is no link.
test.each(DOCUMENTS)('every path of this repository that %s names exists', (document) => {
  const named = [...withoutCode(read(document)).matchAll(/`((?:src|test|docs|demo|bench|scripts|\.ci)\/[\w./-]*)`/g)];
  const absent = named.map(([, path = '']) => path).filter((path) => !existsSync(join(ROOT, path)));
  expect(absent).toEqual([]);
});

test('the script of the continuous integration can be run', () => {
  expect(statSync(join(ROOT, '.ci/run')).mode & 0o100).not.toBe(0);
  expect(() => execFileSync('bash', ['-n', join(ROOT, '.ci/run')])).not.toThrow();
});

function leadsSomewhere(document: string, target: string): boolean {
  const [path = '', heading] = target.split('#');
  const file = path === '' ? join(ROOT, document) : join(ROOT, dirname(document), path);
  if (!existsSync(file)) return false;
  return heading === undefined || headings(readFileSync(file, 'utf8')).includes(heading);
}

function headings(text: string): string[] {
  return [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .trim()
      .replaceAll(/\s+/g, '-'),
  );
}
