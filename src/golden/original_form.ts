import type { Quality } from '../bio/fastqc.js';
import type { HitContig, OrfContig } from '../bio/orf_contigs.js';
import type { Orf } from '../bio/orfs.js';
import type { HistoryDocument } from '../store/history/history.js';

// The vectors hold what release 3.7.3 wrote, its slips included. Where our results differ on purpose, and the difference is one of form,
// documents are written in the original's form, so that all the rest can be compared. Where it cannot be, the value is left out.

/** The original kept the line feed behind FastQC's encoding. */
export function originalQuality(quality: Quality): Quality {
  return { ...quality, encoding: `${quality.encoding}\n` };
}

/** The original let ORFs of the other strand that are open at their end begin before the contig, by the stop that is not there. */
export function originalOrf<T extends Pick<Orf, 'pro' | 'strand' | 'pos'>>(orf: T): T {
  const [start, end] = orf.pos;
  const codons = orf.pro.length + 1;
  return { ...orf, pos: [orf.strand === 1 ? start : end - 3 * codons, end] };
}

/** Contigs before the search, each ORF with an empty list of hits. */
export function originalContig({ index, sequence, orfs }: OrfContig) {
  return { index, sequence, orfs: orfs.map((orf) => ({ ...originalOrf(orf), hits: [] })) };
}

/** The original stored score and bias of the best domain under each other's names. */
export function originalHits({ index, sequence, orfs }: HitContig) {
  return {
    index,
    sequence,
    orfs: orfs.map((orf) => ({
      ...originalOrf(orf),
      hits: orf.hits.map((hit) => ({ ...hit, best_score: hit.best_bias, best_bias: hit.best_score })),
    })),
  };
}

/** The original removed every `>` from the header of a FASTA record. */
export function originalHeader(header: string): string {
  return header.replaceAll('>', '');
}

/** FASTQ texts that the original misread: its records ended at any line that is `+`, and began behind no other. */
export function isMisreadFastq(text: string): boolean {
  const lines = text.replace(/^\n+/, '').replaceAll('\r', '').split('\n');
  return lines.some((line, i) => (i % 4 === 2 && line !== '+') || (i % 4 !== 2 && line === '+'));
}

/** The original put three or more removed items of a list back in the wrong order; ours return to where they were. */
export function isMisordered({ diff }: Pick<HistoryDocument, 'diff'>): boolean {
  if (!Array.isArray(diff)) return false;
  return diff.some(
    ([kind, , entries]) =>
      kind === 'remove' && entries.length >= 3 && entries.every(([key]) => typeof key === 'number'),
  );
}

/** Parameters whose text has 1.0 where JavaScript knows only 1, so that their hash differs. No parameter of a sample is one. */
export const UNCOMPARED_HASH = 'types';
