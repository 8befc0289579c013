import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cutPressed, type PressedProfile, parsePressedIndex } from '../../bio/hmm_index.js';
import { fileSize, freshFolder } from '../../files/folders.js';
import { publishFolder, publishJson, removePath } from '../../files/publish.js';
import { readJson } from '../analysis_files/nuvs.js';
import { PROFILES } from './profiles.js';

/** The pressed profiles of an installation, cut into files that can be searched at the same time. */
export type HmmParts = {
  /** Number of all profiles. */
  profiles: number;
  /** The parts, in the order of the profiles. */
  paths: string[];
};

const FOLDER = 'parts';
const LIST = 'parts.json';
const MOST_PARTS = 32;
const LEAST_PROFILES = 20;

/**
 * The parts of an installation, beside its profiles. They are made when they are asked for the first time, `owner` keeps two that make
 * them apart. Their number does not depend on the host, so it is the same wherever a search runs.
 */
export async function openHmmParts(installation: string, owner: string, signal: AbortSignal): Promise<HmmParts> {
  const folder = join(installation, FOLDER);
  if ((await fileSize(join(folder, LIST))) === undefined) await cutParts(installation, folder, owner, signal);
  const { profiles, names } = await readJson<{ profiles: number; names: string[] }>(join(folder, LIST));
  return { profiles, paths: names.map((name) => join(folder, name)) };
}

async function cutParts(installation: string, folder: string, owner: string, signal: AbortSignal): Promise<void> {
  const pressed = join(installation, `${PROFILES}.h3m`);
  const profiles = await readIndex(installation);
  const size = (await fileSize(pressed)) ?? 0;
  const count = Math.min(MOST_PARTS, Math.max(1, Math.floor(profiles.length / LEAST_PROFILES)));
  const partial = await freshFolder(join(installation, `${FOLDER}.${owner}.partial`));
  try {
    const names: string[] = [];
    for (const [i, { start, end }] of cutPressed(profiles, size, count).entries()) {
      const name = `${String(i).padStart(2, '0')}.h3m`;
      const bytes = createReadStream(pressed, { start, end: end - 1 });
      await pipeline(bytes, createWriteStream(join(partial, name)), { signal });
      names.push(name);
    }
    await publishJson(join(partial, LIST), { profiles: profiles.length, names });
    await publishFolder(partial, folder);
  } finally {
    await removePath(partial);
  }
}

/** Writes the named profiles of an installation into one file, pressed but for its index. */
export async function copyProfiles(installation: string, names: ReadonlySet<string>, to: string): Promise<void> {
  const target = await open(to, 'w');
  try {
    for await (const { record } of readRecords(installation, names)) await target.write(record);
  } finally {
    await target.close();
  }
}

/** For each of the named profiles the first of them, in their order, that is the same but for its name; often itself. */
export async function findTwins(installation: string, names: ReadonlySet<string>): Promise<Map<string, string>> {
  const firsts = new Map<string, string>();
  const twins = new Map<string, string>();
  for await (const { name, record } of readRecords(installation, names)) {
    const content = createHash('sha256').update(withoutName(record, name)).digest('hex');
    if (!firsts.has(content)) firsts.set(content, name);
    twins.set(name, firsts.get(content) ?? name);
  }
  return twins;
}

// In a record the name stands behind its length (4 bytes, little endian), both with the zero byte at its end.
function withoutName(record: Buffer, name: string): Buffer {
  const text = Buffer.from(`${name}\0`, 'latin1');
  const length = Buffer.alloc(4);
  length.writeInt32LE(text.length);
  const at = record.indexOf(Buffer.concat([length, text]));
  return at < 0 ? record : Buffer.concat([record.subarray(0, at), record.subarray(at + length.length + text.length)]);
}

async function* readRecords(
  installation: string,
  names: ReadonlySet<string>,
): AsyncGenerator<{ name: string; record: Buffer }> {
  const pressed = join(installation, `${PROFILES}.h3m`);
  const profiles = await readIndex(installation);
  const size = (await fileSize(pressed)) ?? 0;
  const from = await open(pressed);
  try {
    for (const [i, { name, offset }] of profiles.entries()) {
      if (!names.has(name)) continue;
      const record = Buffer.alloc((profiles[i + 1]?.offset ?? size) - offset);
      await from.read(record, 0, record.length, offset);
      yield { name, record };
    }
  } finally {
    await from.close();
  }
}

async function readIndex(installation: string): Promise<PressedProfile[]> {
  return parsePressedIndex(await readFile(join(installation, `${PROFILES}.h3i`)));
}
