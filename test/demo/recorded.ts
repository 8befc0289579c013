import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { AnalysisAnswer } from '../../src/demo/client/schemas.js';
import { HmmAnswer, NuvsAnswer } from '../../src/demo/nuvs/schemas.js';
import { unpackHmmArchive } from '../../src/files/hmm_archive.js';

const RECORDING = join(import.meta.dirname, '../conformance/recording/walk.json');
const EXPECTED = join(import.meta.dirname, 'single_small.expected.json');

/** Folder with the demo's data. */
export const DATA = join(import.meta.dirname, '../../demo');

/** The analysis of the demo's sample as release 3.7.3 answered it. */
export function recordedAnalysis(): AnalysisAnswer {
  return v.parse(AnalysisAnswer, { ...bodyOf(624), id: 'recorded', reference: { id: 'recorded' } });
}

/** The lengths of the contigs that the bare tools find. */
const CONTIG_BASES = [4123, 565, 422, 375];

/** Its NuVs analysis, and the HMMs of its hits. The recording has only check sums of sequences, so contigs are Ns of their length. */
export async function recordedNuvs(folder: string): Promise<{ analysis: NuvsAnswer; hmms: Map<string, HmmAnswer> }> {
  const body = bodyOf(700) as { results: Contig[] };
  const results = body.results.map((contig, i) => ({ ...contig, sequence: 'N'.repeat(CONTIG_BASES[i] ?? 0) }));
  await unpackHmmArchive(join(DATA, 'hmm-small.tar.gz'), folder, ['annotations.json'], new AbortController().signal);
  const annotations = JSON.parse(readFileSync(join(folder, 'annotations.json'), 'utf8')) as { cluster: number }[];
  const hits = results.flatMap(({ orfs }) => orfs.flatMap((orf) => orf.hits));
  const hmms = hits.map(({ hit, cluster }): [string, HmmAnswer] => {
    const annotation = annotations.find((one) => one.cluster === cluster);
    return [hit, v.parse(HmmAnswer, { id: hit, ...annotation })];
  });
  return { analysis: v.parse(NuvsAnswer, { ...body, id: 'recorded', results }), hmms: new Map(hmms) };
}

type Contig = { orfs: { hits: { hit: string; cluster: number }[] }[] };

/** The body of an answer in the recorded traffic. */
function bodyOf(step: number): object {
  const { steps } = JSON.parse(readFileSync(RECORDING, 'utf8')) as { steps: { n: number; expect: { body: object } }[] };
  return steps.find(({ n }) => n === step)?.expect.body ?? {};
}

/** What the bare tools find in the demo's sample, one entry per sequence. */
export function expectedSequences(): {
  accession: string;
  isolate: string;
  isolate_name: string;
  otu_name: string;
  pi: number;
  reads: number;
  coverage: number;
  depth: number;
}[] {
  return JSON.parse(readFileSync(EXPECTED, 'utf8')).pathoscope.results;
}
