// Everything that decides about a merge apart from the tests. `node scripts/check.mjs types lint` runs only those.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildState, setUp } from './setup/set_up.mjs';
import { checkSources } from './setup/source_rules.mjs';
import { collect, ROOT } from './setup/steps.mjs';

const tool = (path, args) => () => collect(process.execPath, [join('node_modules', path), ...args]);

const CHECKS = {
  types: () => collect('node_modules/.bin/tsc', ['-p', 'tsconfig.json']),
  lint: tool('@biomejs/biome/bin/biome', ['check', '--colors=off', '.']),
  arrows: tool('dependency-cruiser/bin/dependency-cruise.mjs', [
    'src',
    'test',
    'bench',
    '--config',
    '.dependency-cruiser.cjs',
    '--output-type',
    'err',
  ]),
  unused: tool('knip/bin/knip.js', ['--no-progress', '--no-config-hints']),
  sources: async () => {
    const faults = checkSources(readSources());
    return { code: faults.length === 0 ? 0 : 1, output: faults.join('\n') };
  },
};

/** Runs checks one after the other and prints a table; resolves with how many passed and failed. */
export async function runChecks(names = Object.keys(CHECKS)) {
  const rows = [];
  for (const name of names) {
    const begin = Date.now();
    const { code, output } = await CHECKS[name]();
    const seconds = ((Date.now() - begin) / 1000).toFixed(1);
    rows.push(`${name.padEnd(10)} ${seconds.padStart(5)} s  ${code === 0 ? 'ok' : 'failed'}`);
    if (code !== 0) console.log(`--- ${name}\n${output.trim()}\n`);
  }
  console.log(rows.join('\n'));
  const passed = rows.filter((row) => row.endsWith(' ok')).length;
  return { passed, failed: rows.length - passed };
}

function readSources() {
  return readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => ({ path: `src/${file}`, text: readFileSync(join(ROOT, 'src', file), 'utf8') }));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const names = process.argv.slice(2);
  const unknown = names.filter((name) => !(name in CHECKS));
  if (unknown.length > 0) {
    console.error(`Unknown check: ${unknown.join(', ')}. There are: ${Object.keys(CHECKS).join(', ')}`);
    process.exit(2);
  }
  // Some imports name files of the build, whatever its state.
  if (buildState() === 'missing') await setUp();
  const { failed } = await runChecks(names.length > 0 ? names : undefined);
  process.exitCode = failed > 0 ? 1 : 0;
}
