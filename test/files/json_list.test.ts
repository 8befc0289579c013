import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { readJsonList } from '../../src/files/json_list.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(inject('runFolder'), 'json-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function read(text: string): Promise<unknown[]> {
  const path = join(folder, 'results.json');
  writeFileSync(path, text);
  const documents: unknown[] = [];
  for await (const document of readJsonList(path)) documents.push(document);
  return documents;
}

test.each([
  [[]],
  [[{}]],
  [[{ a: [[1, 2], { b: '[{"' }] }, { c: 'quote \\" and \\\\', d: '}é]' }]],
  // More than the pieces in which a file is read, so that documents, texts and characters are cut.
  [
    Array.from({ length: 40 }, (_, index) => ({
      id: `ü"\\${index}`,
      align: Array.from({ length: 9_001 }, (_, i) => i),
    })),
  ],
])('a list of documents comes back as it was written, however it is laid out', async (documents) => {
  expect(await read(JSON.stringify(documents))).toEqual(documents);
  expect(await read(` ${JSON.stringify(documents, null, 2)}\n`)).toEqual(documents);
});

test.each(['', '{"a": 1}', '[1]', '["a"]', '[{"a": 1}', '[{"a": [1}', '[{}] [{}]', '[[{}]]', 'null', '[{"a": }]'])(
  'anything else is an error: %s',
  async (text) => {
    await expect(read(text)).rejects.toThrow(SyntaxError);
  },
);

test('a file that is not there is the error of the file system', async () => {
  const reading = readJsonList(join(folder, 'absent.json')).next();
  await expect(reading).rejects.toMatchObject({ code: 'ENOENT' });
});
