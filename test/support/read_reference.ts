import { checkHeader, checkOtus } from '../../src/activities/references/check.js';
import { readOtus, readReferenceFile, UnusableReference } from '../../src/activities/references/file.js';

/** Reads a reference file as an import does, and prints what is wrong with it. */
export async function main([path = '']: string[]): Promise<number> {
  const { signal } = new AbortController();
  try {
    checkHeader(await readReferenceFile(path, signal));
    await checkOtus(readOtus(path, signal));
  } catch (error) {
    if (!(error instanceof UnusableReference)) throw error;
    process.stdout.write(error.message);
  }
  return 0;
}
