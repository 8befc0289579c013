import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { searchHmms } from '../activities/hmms/search.js';
import { formatScanTable, type HitLine, parseScanTable } from '../bio/hmmer.js';
import { addHits, proteinFasta } from '../bio/orf_contigs.js';
import { pressProfiles } from '../tools/hmmpress.js';
import { runTool } from '../tools/runner.js';
import type { VectorFolder } from './folder.js';
import { assemblyContigs } from './orfs.js';
import { originalContig, originalHits } from './original_form.js';
import type { Work } from './work.js';

const ANNOTATIONS = 'annotation_ids.json';
const ID_DIGITS = 5;

/**
 * `profiles.hmm` and `assembly.fa`: contigs, their hits, hmmscan's table. The ids of clusters are those of `annotation_ids.json`
 * (cluster to id) if there is such a file, else `hmm` and five digits.
 */
export async function writeHmmSearch(folder: VectorFolder, work: Work): Promise<void> {
  const contigs = assemblyContigs(await folder.text('assembly.fa'));
  const proteins = contigs.map(proteinFasta).join('');
  const installation = await work.folder();
  const profiles = await folder.bytes('profiles.hmm');
  await writeFile(join(installation, 'profiles.hmm'), profiles);
  await writeFile(join(installation, 'orfs.fa'), proteins, 'latin1');
  await runTool(pressProfiles('profiles.hmm'), { cwd: installation, signal: work.signal });
  const lines: HitLine[] =
    proteins === ''
      ? []
      : await searchHmms({
          installation,
          proteins: join(installation, 'orfs.fa'),
          work: await work.folder(),
          owner: 'golden',
          threads: work.threads,
          signal: work.signal,
        });
  const table = formatScanTable(lines);
  const hits = parseScanTable(table);
  const ids = await annotationIds(folder, clustersOf(profiles.toString('latin1')));
  const document = {
    annotation_ids: Object.fromEntries(ids),
    before: contigs.map(originalContig),
    results: addHits(contigs, hits, ids).map(originalHits),
  };
  await folder.writeJson('expected.json', document, 'assembly.fa');
  await folder.write('orfs.fa', proteins, 'assembly.fa');
  await folder.write('hmm.tsv', table);
}

function clustersOf(profiles: string): number[] {
  return Array.from(profiles.matchAll(/^NAME +vFam_(\d+)$/gm), ([, cluster]) => Number(cluster));
}

async function annotationIds(folder: VectorFolder, clusters: readonly number[]): Promise<Map<number, string>> {
  const given = folder.has(ANNOTATIONS) ? await folder.json(ANNOTATIONS, v.record(v.string(), v.string())) : {};
  return new Map(
    clusters.map((cluster) => [cluster, given[cluster] ?? `hmm${String(cluster).padStart(ID_DIGITS, '0')}`]),
  );
}
