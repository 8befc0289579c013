import type { PublicCache } from '../../store/caches.js';
import type { SampleFile } from '../../store/samples/sample_files.js';
import { SAMPLE_PROJECTION, type SampleDocument } from '../../store/samples/samples.js';
import { withId } from '../http/json.js';

/** A sample in full, with its caches. Its files are named like the sample. */
export function toWireSample({ staged: _, ...sample }: SampleDocument, caches: readonly PublicCache[]) {
  return {
    ...withId(sample),
    files: sample.files.map((file, index) => ('download_url' in file ? toWireFile(sample, file, index + 1) : file)),
    caches: caches.map((cache) => withId(cache)),
  };
}

function toWireFile({ _id, name }: SampleDocument, file: SampleFile, number: number) {
  const prefix = `${name.replaceAll(' ', '_')}_`;
  return {
    ...file,
    // By functions, because a `$` in a name means nothing special.
    name: file.name.replace('reads_', () => prefix),
    download_url: file.download_url.replace('reads_', () => encodeURIComponent(prefix)),
    replace_url: `/upload/samples/${_id}/files/${number}`,
  };
}

/** A sample in the form of messages. */
export function toWireSampleUpdate(sample: SampleDocument) {
  const shown = Object.entries(sample).filter(([field]) => Object.hasOwn(SAMPLE_PROJECTION, field));
  return withId(Object.fromEntries(shown) as Partial<SampleDocument> & { _id: string });
}
