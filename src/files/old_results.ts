import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileSize } from './folders.js';
import { publishFile, publishJson, removePath } from './publish.js';

/** What a results file of an old release tells beside the results. */
export type OldFacts = { ready?: boolean; read_count?: number };

/**
 * Gives the results file of an old release today's name, `results.json`, and today's content: the list alone. What else the
 * file tells is handed to `note` first. False when there is nothing to do.
 *
 * @throws SyntaxError or Error when the file does not hold results; it stays as it is.
 */
export async function renameOldResults(
  folder: string,
  oldName: 'pathoscope.json' | 'nuvs.json',
  note: (facts: OldFacts) => Promise<void>,
): Promise<boolean> {
  const from = join(folder, oldName);
  const to = join(folder, 'results.json');
  if ((await fileSize(to)) !== undefined || (await fileSize(from)) === undefined) return false;
  const content: unknown = JSON.parse(await readFile(from, 'utf8'));
  if (Array.isArray(content)) {
    await publishFile(from, to);
    return true;
  }
  const { diagnosis, ready, read_count } = (content ?? {}) as Record<string, unknown>;
  if (!Array.isArray(diagnosis)) throw new Error(`${from} does not hold the results of an analysis`);
  await note({
    ...(typeof ready === 'boolean' ? { ready } : {}),
    ...(typeof read_count === 'number' ? { read_count } : {}),
  });
  await publishJson(to, diagnosis);
  await removePath(from);
  return true;
}
