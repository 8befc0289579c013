import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import type { Config } from '../config.js';

const PackageFile = v.object({ version: v.pipe(v.string(), v.minLength(1)) });

/** The version that the server reports: the configured one, else that of the package with a `v` in front. */
export function serverVersion(config: Pick<Config, 'force_version'>): string {
  if (config.force_version) return config.force_version;
  const file = new URL('../../package.json', import.meta.url);
  return `v${v.parse(PackageFile, JSON.parse(readFileSync(file, 'utf8'))).version}`;
}
