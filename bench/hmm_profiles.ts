import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { unpackHmmArchive } from '../src/files/hmm_archive.js';

const ARCHIVE = join(import.meta.dirname, '..', 'demo', 'hmm-small.tar.gz');
const GOLDEN = join(import.meta.dirname, '..', 'test', 'golden');

/** The demo's profiles come first, whole; they hit frames of plant viruses. */
const WHOLE = 240;
/** Profiles that decoys are made of are no longer than this, so that the mean length is that of the whole release, about 250. */
const LONGEST_TEMPLATE = 480;

/**
 * Writes as many profiles as a release has: those of the demo, and decoys, which are these with their positions in another order, so
 * that they cost as much to compare and hit nothing. The same every time.
 */
export async function writeProfiles(folder: string, count: number): Promise<string> {
  await unpackHmmArchive(ARCHIVE, folder, ['profiles.hmm'], new AbortController().signal);
  const records = (await readFile(join(folder, 'profiles.hmm'), 'latin1')).split(/(?<=^\/\/\n)/m).filter(Boolean);
  const templates = records.filter((record) => Number(/^LENG +(\d+)/m.exec(record)?.[1]) < LONGEST_TEMPLATE);
  const path = join(folder, 'all.hmm');
  const file = createWriteStream(path, 'latin1');
  const random = seededRandom(5);
  for (let i = 0; i < count; i++) {
    const text = i < WHOLE ? records[i]! : decoy(templates[i % templates.length]!, `vFam_${10_000 + i}`, random);
    if (!file.write(text)) await new Promise<void>((resolve) => file.once('drain', () => resolve()));
  }
  await new Promise<void>((resolve, reject) => {
    file.once('error', reject);
    file.end(resolve);
  });
  return path;
}

/** Writes the first frames of the golden assemblies, under names that differ. */
export async function framesOf(count: number): Promise<string> {
  const texts = ['hmm/orfs.fa.gz', 'orfs/assembly_orfs.fa.gz'].map(async (name, i) =>
    gunzipSync(await readFile(join(GOLDEN, name)))
      .toString('latin1')
      .replaceAll('>sequence_', i === 0 ? '>sequence_' : '>sequence_100'),
  );
  const records = (await Promise.all(texts)).join('').split(/(?=^>)/m);
  return records.slice(0, count).join('');
}

/** A profile with its positions, three lines each, in another order; the last one stays, as its transitions are those of an end. */
function decoy(record: string, name: string, random: () => number): string {
  const lines = record.replace(/^NAME .*$/m, `NAME  ${name}`).split('\n');
  const start = lines.findIndex((line) => line.startsWith('HMM ')) + 2;
  const first = start + (lines[start]!.includes('COMPO') ? 3 : 2);
  const end = lines.indexOf('//');
  const positions = Array.from({ length: (end - first) / 3 }, (_, i) => lines.slice(first + 3 * i, first + 3 * i + 3));
  for (let i = positions.length - 2; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [positions[i], positions[j]] = [positions[j]!, positions[i]!];
  }
  const body = positions.map(([match, ...rest], i) =>
    [String(i + 1).padStart(7) + match!.slice(7), ...rest].join('\n'),
  );
  return `${[...lines.slice(0, first), ...body].join('\n')}\n//\n`;
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
