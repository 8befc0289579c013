import { readFile } from 'node:fs/promises';

/** Files that the steps of NuVs leave in the analysis' folder. */
export const NUVS_FILES = {
  profiles: 'hmm.json',
  unmappedOtus: 'unmapped_otus.fq',
  unmappedHosts: 'unmapped_hosts.fq',
  mates: ['unmapped_1.fq', 'unmapped_2.fq'],
  assembly: 'assembly.fa',
  contigs: 'contigs.json',
  proteins: 'orfs.fa',
  hits: 'hmm.tsv',
  results: 'results.json',
} as const;

/** A JSON file of an earlier step. */
export async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(path, 'utf8')) as T;
}
