import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataDirectory } from '../../files/data_directory.js';
import type { AnalysisDocument } from '../../store/analyses.js';

/**
 * The results of an analysis, from its document or from `results.json` in its folder; undefined when that file is gone.
 *
 * @throws SyntaxError when the file does not hold JSON.
 */
export async function loadResults(data: DataDirectory, analysis: AnalysisDocument): Promise<unknown[] | undefined> {
  if (analysis.results !== 'file') return analysis.results ?? [];
  try {
    const path = join(data.analysis(analysis.sample.id, analysis._id), 'results.json');
    return JSON.parse(await readFile(path, 'utf8')) as unknown[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
