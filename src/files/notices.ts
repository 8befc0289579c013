import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const ENDING = '.not-taken.txt';
const FIRST_WORDS = 'Virtool has not taken';

/** Texts beside files of a folder that say why these are not taken. */
export type Notices = {
  put(name: string, reason: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Removes those of all other files from the entries of the folder. */
  keep(entries: readonly string[], names: ReadonlySet<string>): Promise<void>;
};

/** Writes and removes notices in a folder. Only what begins like one of ours is ever removed. */
export function createNotices(path: string): Notices {
  const removeAt = async (file: string): Promise<void> => {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text.startsWith(FIRST_WORDS)) await rm(file, { force: true });
  };
  return {
    async put(name, reason) {
      const advice = 'Copy it here again, best under a name that ends in .part until it is complete, or remove it.';
      await writeFile(join(path, `${name}${ENDING}`), `${FIRST_WORDS} ${name}: ${reason}.\n${advice}\n`);
    },

    remove: (name) => removeAt(join(path, `${name}${ENDING}`)),

    async keep(entries, names) {
      for (const file of entries) {
        const isForOther = file.endsWith(ENDING) && !names.has(file.slice(0, -ENDING.length));
        if (isForOther) await removeAt(join(path, file));
      }
    },
  };
}
