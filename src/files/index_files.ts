import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { IndexFiles, IndexPart, IndexPlace } from '../contracts/index_files.js';
import { checksumProduct } from './checksums.js';
import type { DataDirectory } from './data_directory.js';
import { publishJson, removePath } from './publish.js';

const MANIFEST = 'manifest.json';

/** Size in BSON above which a manifest or map of sequences lies in a file: two of them, and the job, stay well below the 16 MB of a document. */
const LARGEST_IN_DOCUMENT = 4 * 1024 ** 2;

/** Age of a folder with a manifest before it can be one whose index was never stored. */
const GRACE_MS = 60 * 60_000;

/** Keeps manifests and maps of sequences as JSON in the data directory; `largestInDocument` is for tests. */
export function createIndexFiles(data: DataDirectory, largestInDocument = LARGEST_IN_DOCUMENT): IndexFiles {
  const folderOf = ({ referenceId, indexId }: IndexPlace) => data.index(referenceId, indexId);
  const pathOf = (place: IndexPlace, part: IndexPart) => join(folderOf(place), `${part}.json`);
  return {
    largestInDocument,

    async claim(place) {
      await mkdir(data.reference(place.referenceId), { recursive: true });
      try {
        await mkdir(folderOf(place));
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
        throw error;
      }
    },

    async write(place, part, value) {
      await publishJson(pathOf(place, part), value);
      await checksumProduct(pathOf(place, part));
    },

    async read(place, part) {
      try {
        return JSON.parse(await readFile(pathOf(place, part), 'utf8'));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },

    remove: (place) => removePath(folderOf(place)),
  };
}

/**
 * Removes the folders of former indexes of a reference, but for the manifests of those in `withManifest`: an index is shown with it
 * for as long as there is one. A young folder with a manifest stays too, as its index may be stored at this moment.
 */
export async function removeFormerIndexes(
  data: DataDirectory,
  referenceId: string,
  { former, withManifest }: { former: readonly string[]; withManifest: readonly string[] },
): Promise<void> {
  for (const name of former) {
    const folder = data.index(referenceId, name);
    if (withManifest.includes(name)) await removeAllBut(folder, MANIFEST);
    else if (!(await isYoung(join(folder, MANIFEST)))) await removePath(folder);
  }
}

async function removeAllBut(folder: string, kept: string): Promise<void> {
  for (const name of await readdir(folder)) if (name !== kept) await removePath(join(folder, name));
}

async function isYoung(path: string): Promise<boolean> {
  try {
    return (await stat(path)).mtimeMs > Date.now() - GRACE_MS;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
