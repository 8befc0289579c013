import type { TrimmingParameters } from '../../bio/trimming.js';
import type { Warning } from '../../contracts/reads.js';
import type { TrimmedCounts } from '../../store/caches.js';
import type { TrimLosses } from '../../tools/skewer.js';
import { InvalidInput } from '../errors.js';

/** Below these a result says little about a sample. */
const FEW = { reads: 1_000, share: 0.01 };

/** What a trimming dropped, of how many reads, or pairs, and by which parameters. */
export type Dropped = { losses: TrimLosses; processed: number; isPaired: boolean; parameters: TrimmingParameters };

/** Reads that an analysis looks at. */
export function usedReads({ left, unknown }: TrimmedCounts): number {
  return left - unknown;
}

/**
 * Makes sure that there is something to look at. Without a trimming the reads came trimmed.
 *
 * @throws InvalidInput with the numbers and what to do when there is not: an analysis of nothing would look like one that found nothing.
 */
export function requireReads(counts: TrimmedCounts, dropped?: Dropped): void {
  if (usedReads(counts) > 0) return;
  const sentences = ['No reads are left to look at.'];
  if (dropped) sentences.push(describeLosses(dropped));
  if (counts.unknown > 0) {
    sentences.push(
      `The aligner leaves ${dropped ? 'the other' : 'all'} ${counts.unknown} reads aside: N or other unknown bases are more than 15 % of them.`,
    );
  }
  throw new InvalidInput(sentences.join(' '), adviceFor(counts, dropped));
}

function describeLosses({ losses, processed, isPaired, parameters }: Dropped): string {
  const { min_length: least, mean_quality: mean } = parameters;
  const parts = [
    `${losses.short + losses.empty} too short (below ${least} bases)`,
    `${losses.quality} too poor (mean quality below ${mean})`,
    `${losses.degenerative} with too many N`,
  ];
  return `Of ${processed} ${isPaired ? 'read pairs' : 'reads'} the trimming dropped ${parts.join(', ')}.`;
}

function adviceFor({ unknown }: TrimmedCounts, dropped: Dropped | undefined): string {
  const { degenerative = 0, quality = 0, short = 0, empty = 0 } = dropped?.losses ?? {};
  const [ofLength, ofBases] = [short + empty, degenerative + unknown];
  if (quality > Math.max(ofLength, ofBases)) {
    return 'Look at the quality of the sample. If Phred+33 and Phred+64 were mixed up, set phred_offset of the sample and start the analysis again.';
  }
  if (ofBases >= ofLength) return 'Hardly any base of the reads was called: make the sample again from better reads.';
  return 'Make the sample again, from the reads themselves and not from index reads or adapter dimers.';
}

/** A warning when an analysis looked at so few reads that it says little about the sample. */
export function fewReadsWarnings(counts: TrimmedCounts): Warning[] {
  const used = usedReads(counts);
  if (used >= FEW.reads && used >= counts.total * FEW.share) return [];
  const message =
    `Only ${used} of ${counts.total} reads were looked at, below 1,000 or 1 % of the sample: a virus that was not found may be there all ` +
    'the same.';
  return [{ code: 'few_reads', message }];
}
