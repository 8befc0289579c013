import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { fileSize } from '../../files/folders.js';
import { readLineBatches } from '../../files/lines.js';
import type { HmmAnnotation } from '../../store/hmms/hmms.js';
import { ANNOTATIONS, PROFILES } from './profiles.js';

/** HMM data that cannot be installed; the message tells why. */
export class UnusableHmms extends Error {
  override name = 'UnusableHmms';
}

const MAXIMUM_ANNOTATION_BYTES = 256 * 1024 ** 2;
const SHOWN = 5;

const Counts = v.record(v.string(), v.number());
const Text = v.nullish(v.string(), '');

const Annotations = v.array(
  v.object({
    cluster: v.pipe(v.number(), v.integer(), v.minValue(0)),
    count: v.pipe(v.number(), v.integer()),
    length: v.number(),
    mean_entropy: v.number(),
    total_entropy: v.number(),
    names: v.array(v.string()),
    families: Counts,
    genera: Counts,
    entries: v.array(v.object({ accession: Text, gi: Text, name: Text, organism: Text })),
  }),
);

/**
 * The annotations in an unpacked archive.
 *
 * @throws UnusableHmms when they are no list of annotations, or two are about the same cluster.
 */
export async function readAnnotations(folder: string): Promise<HmmAnnotation[]> {
  const path = join(folder, ANNOTATIONS);
  if (((await fileSize(path)) ?? 0) > MAXIMUM_ANNOTATION_BYTES) {
    throw new UnusableHmms('The annotations are larger than 256 MiB');
  }
  const parsed = v.safeParse(Annotations, parseJson(await readFile(path, 'utf8')));
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new UnusableHmms(`The annotations are not as they should be: ${v.getDotPath(issue) ?? ''} ${issue.message}`);
  }
  const seen = new Set<number>();
  for (const { cluster } of parsed.output) {
    if (seen.has(cluster)) throw new UnusableHmms(`More than one annotation for ${list([cluster])}`);
    seen.add(cluster);
  }
  return parsed.output;
}

/**
 * Checks that every profile has its annotation and every annotation its profile: a hit of a profile that nothing is known
 * about could not be shown.
 *
 * @throws UnusableHmms that names the first few that do not fit.
 */
export async function checkProfiles(
  folder: string,
  annotations: readonly HmmAnnotation[],
  signal: AbortSignal,
): Promise<void> {
  const profiles = await readClusters(join(folder, PROFILES), signal);
  if (profiles.size === 0) throw new UnusableHmms('The file of profiles holds no profile');
  const known = new Set(annotations.map(({ cluster }) => cluster));
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UnusableHmms('The annotations are not valid JSON', { cause });
  }
}

function list(clusters: readonly number[]): string {
  const shown = clusters.slice(0, SHOWN).map((cluster) => `cluster ${cluster}`);
  const more = clusters.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
