import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const root = new URL('../golden/', import.meta.url);

/** Bytes of a golden file; `x` also finds `x.gz` and unpacks it. */
function goldenBytes(path: string): Buffer {
  const plain = new URL(path, root);
  return existsSync(plain) ? readFileSync(plain) : gunzipSync(readFileSync(new URL(`${path}.gz`, root)));
}

export function goldenText(path: string): string {
  return goldenBytes(path).toString('latin1');
}

/** Lines of a golden file, less their line feeds. */
export function goldenLines(path: string): string[] {
  const lines = goldenText(path).split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

export function goldenJson<T>(path: string): T {
  return JSON.parse(goldenBytes(path).toString('utf8')) as T;
}

export function hasGolden(path: string): boolean {
  return existsSync(new URL(path, root)) || existsSync(new URL(`${path}.gz`, root));
}

/** Names of the folders in a golden folder, sorted. */
export function goldenFolders(path: string): string[] {
  return readdirSync(new URL(path, root), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

export function sha256(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('hex');
}
