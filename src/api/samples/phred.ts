import type { PhredOffset, SamplePhred } from '../../contracts/reads.js';
import {
  type QualityTextPrefix,
  readQualities,
  type SampleQualities,
  type SampleQuality,
} from '../../files/sample_qualities.js';
import type { SampleDocument } from '../../store/samples/samples.js';
import type { ApiDeps } from '../deps.js';
import { badRequest, conflict, type Refusal } from '../http/refusals.js';

/** How the qualities of a sample are to be read from now on. */
export type NewReading = SampleQuality & { phred: SamplePhred; textPrefix: QualityTextPrefix | undefined };

/**
 * What a sample's quality becomes with another offset, null for the one that its qualities say; undefined when nothing changes. It was
 * worked out when the sample was made.
 */
export async function changeReading(
  { files }: ApiDeps,
  sample: SampleDocument,
  wanted: PhredOffset | null,
): Promise<NewReading | Refusal | undefined> {
  if (sample.imported === 'ip') return conflict('The sample is not ready yet');
  const kept = await readQualities(files.sample(sample._id));
  if (!kept) {
    return badRequest(
      'The sample was made by an older release, which kept no counts of its qualities; create it again',
    );
  }
  const phred = phredOf(kept, wanted);
  const reading = kept.byOffset[phred.offset];
  if (!reading) return badRequest("The offset 64 is impossible: the sample has qualities below ';'");
  const { phred: former } = sample;
  if (former?.offset === phred.offset && former.decided_by === phred.decided_by) return undefined;
  return { ...reading, phred, textPrefix: kept.textPrefix };
}

function phredOf({ decided }: SampleQualities, wanted: PhredOffset | null): SamplePhred {
  if (wanted === null) return { ...decided, decided_by: 'qualities' };
  const reason = `Set by a user. From the characters: ${decided.reason}`;
  return { ...decided, offset: wanted, decided_by: 'user', reason };
}
