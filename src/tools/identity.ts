import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { unobserved } from './observer.js';
import { requireProgram, type ToolId, toolEnvironment, toolOf } from './programs.js';
import { probeTool, type ToolReport } from './versions.js';

/** Which build of a program is installed. */
export type ProgramIdentity = {
  /** Name of the program as it is called. */
  program: string;
  /** As the tool itself says; null for one that does not tell. */
  version: string | null;
  /** SHA-256 over the checksums of all its files. */
  sha256: string;
  /** SHA-256 of the program and, where that is only a wrapper, of what does the work; by file name. */
  files: Record<string, string>;
};

/** Where the programs lie that a wrapper starts: folders to look in, beside its own, and the names. */
const WORKERS: Partial<Record<ToolId, { folders: readonly string[]; names: RegExp }>> = {
  bowtie2: { folders: ['.'], names: /^bowtie2-(align|build)-[sl]$/ },
  spades: {
    folders: ['.', '../libexec/spades', '../share/spades'],
    names: /^spades(\.py|_init\.py|-core|-hammer|-corrector-core)?$/,
  },
};

type State = { stamp: string; sha256: Promise<string> };
const checksums = new Map<string, State>();
const versions = new Map<string, { stamp: string; version: Promise<string | null> }>();

/**
 * Tells which build of a program is installed. Files are read and versions asked for once in the life of this process, and again
 * when a file's time or size has changed.
 *
 * @throws ToolMissing when the program is not installed.
 */
export async function identifyProgram(program: string): Promise<ProgramIdentity> {
  const path = await realpath(requireProgram(program, toolEnvironment()));
  const paths = [path, ...(await workersOf(program, path))];
  const stamps: string[] = [];
  const files: Record<string, string> = {};
  for (const file of paths) {
    const stamp = await stampOf(file);
    stamps.push(`${file} ${stamp}`);
    files[basename(file)] = await checksumOf(file, stamp);
  }
  const version = await versionOf(program, stamps.join('\n'));
  const sha256 = createHash('sha256')
    .update(JSON.stringify(Object.entries(files).sort()))
    .digest('hex');
  return { program: basename(program), version, sha256, files };
}

/** The files that a wrapper starts, sorted; none for a program that does its work itself. */
async function workersOf(program: string, path: string): Promise<string[]> {
  const workers = WORKERS[toolOf(program)?.id ?? 'pigz'];
  if (!workers) return [];
  const found = new Set<string>();
  for (const folder of workers.folders.map((name) => join(dirname(path), name))) {
    const names = await readdir(folder).catch(() => [] as string[]);
    for (const name of names.filter((one) => workers.names.test(one))) found.add(await realpath(join(folder, name)));
  }
  found.delete(path);
  return [...found].sort();
}

async function stampOf(path: string): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  return `${size} ${mtimeMs}`;
}

function checksumOf(path: string, stamp: string): Promise<string> {
  const known = checksums.get(path);
  if (known?.stamp === stamp) return known.sha256;
  const sha256 = hashFile(path);
  checksums.set(path, { stamp, sha256 });
  sha256.catch(() => checksums.delete(path));
  return sha256;
}

async function versionOf(program: string, stamp: string): Promise<string | null> {
  const tool = toolOf(program);
  if (!tool) return null;
  const known = versions.get(program);
  // The programs of one tool come in one package, so the first one answers for all.
  const asked = known?.stamp === stamp ? known.version : unobserved(() => probeTool(tool)).then(toVersion);
  versions.set(program, { stamp, version: asked });
  const version = await asked;
  // A probe that failed may succeed the next time.
  if (version === null) versions.delete(program);
  return version;
}

function toVersion({ version }: ToolReport): string | null {
  return version ?? null;
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
