import { join } from 'node:path';
import * as v from 'valibot';
import { type JsonLimits, JsonTooLarge } from '../../files/json_elements.js';
import { NoJsonList, readJsonList } from '../../files/json_list.js';
import { readLineBatches } from '../../files/lines.js';
import type { HmmAnnotation } from '../../store/hmms/hmms.js';
import { ANNOTATIONS, PROFILES } from './profiles.js';

/** HMM data that cannot be installed; the message tells why. */
export class UnusableHmms extends Error {
  override name = 'UnusableHmms';
}

/** What the annotations may hold; those of vFam have 10 MB and the largest one 100 kB. */
const LIMITS: JsonLimits = {
  bytes: 256 * 1024 ** 2,
  values: 5_000_000,
  depth: 100,
  elementBytes: 16 * 1024 ** 2,
  elementValues: 200_000,
};
const SHOWN = 5;

const Counts = v.record(v.string(), v.number());
const Text = v.nullish(v.string(), '');

const Annotation = v.object({
  cluster: v.pipe(v.number(), v.integer(), v.minValue(0)),
  count: v.pipe(v.number(), v.integer()),
  length: v.number(),
  mean_entropy: v.number(),
  total_entropy: v.number(),
  names: v.array(v.string()),
  families: Counts,
  genera: Counts,
  entries: v.array(v.object({ accession: Text, gi: Text, name: Text, organism: Text })),
});

/**
 * The annotations in an unpacked archive, one at a time.
 *
 * @throws UnusableHmms when they are no list of annotations, or too many.
 */
export async function* readAnnotations(folder: string): AsyncGenerator<HmmAnnotation> {
  let index = 0;
  try {
    for await (const value of readJsonList(join(folder, ANNOTATIONS), LIMITS)) {
      const parsed = v.safeParse(Annotation, value);
      if (!parsed.success) {
        const [issue] = parsed.issues;
        const place = `${index}.${v.getDotPath(issue) ?? ''}`;
        throw new UnusableHmms(`The annotations are not as they should be: ${place} ${issue.message.slice(0, 200)}`);
      }
      yield parsed.output;
      index += 1;
    }
  } catch (cause) {
    if (cause instanceof JsonTooLarge) throw new UnusableHmms(`The file of annotations ${cause.message}`, { cause });
    if (cause instanceof NoJsonList) {
      throw new UnusableHmms('The annotations are not as they should be: no list of documents', { cause });
    }
    if (cause instanceof SyntaxError) throw new UnusableHmms('The annotations are not valid JSON', { cause });
    throw cause;
  }
}

/**
 * The clusters that annotations are about.
 *
 * @throws UnusableHmms also when two are about the same one.
 */
export async function annotatedClusters(annotations: AsyncIterable<HmmAnnotation>): Promise<Set<number>> {
  const clusters = new Set<number>();
  for await (const { cluster } of annotations) {
    if (clusters.has(cluster)) throw new UnusableHmms(`More than one annotation for ${list([cluster])}`);
    clusters.add(cluster);
  }
  return clusters;
}

/**
 * Checks that every profile has its annotation and every annotation its profile: a hit of a profile that nothing is known
 * about could not be shown.
 *
 * @throws UnusableHmms that names the first few that do not fit.
 */
export async function checkProfiles(folder: string, known: ReadonlySet<number>, signal: AbortSignal): Promise<void> {
  const profiles = await readClusters(join(folder, PROFILES), signal);
  if (profiles.size === 0) throw new UnusableHmms('The file of profiles holds no profile');
  const unknown = [...profiles].filter((cluster) => !known.has(cluster));
  if (unknown.length > 0) throw new UnusableHmms(`Profiles without annotation: ${list(unknown)}`);
  const absent = [...known].filter((cluster) => !profiles.has(cluster));
  if (absent.length > 0) throw new UnusableHmms(`Annotations without profile: ${list(absent)}`);
}

async function readClusters(path: string, signal: AbortSignal): Promise<Set<number>> {
  const clusters = new Set<number>();
  for await (const { lines } of readLineBatches(path, signal)) {
    for (const line of lines) {
      if (!line.startsWith('NAME ')) continue;
      const name = line.slice(5).trim();
      const cluster = /^vFam_(\d{1,9})$/.exec(name)?.[1];
      if (cluster === undefined) {
        throw new UnusableHmms(`The profile ${JSON.stringify(name.slice(0, 50))} is not named vFam_<cluster>`);
      }
      clusters.add(Number(cluster));
    }
  }
  return clusters;
}

function list(clusters: readonly number[]): string {
  const shown = clusters.slice(0, SHOWN).map((cluster) => `cluster ${cluster}`);
  const more = clusters.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
