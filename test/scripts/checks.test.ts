import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { checkSources } from '../../scripts/setup/source_rules.mjs';
import { testFolder } from '../support/folders.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Exit code and report of the arrow check on a small tree of files. */
function checkArrows(files: Record<string, string>) {
  const folder = testFolder();
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const program = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = ['src', '--config', join(ROOT, '.dependency-cruiser.cjs'), '--output-type', 'err'];
  const { status, stdout } = spawnSync(process.execPath, [program, ...args], { cwd: folder, encoding: 'utf8' });
  return { red: status !== 0, report: stdout };
}

const LEAF = 'export const a = 1;\nexport type A = number;\n';

test.each([
  ['store reaches up to api', 'src/store/x.ts', "import '../api/y.js';", 'src/api/y.ts'],
  ['api reaches a tool', 'src/api/jobs/x.ts', "import { a } from '../../tools/y.js';", 'src/tools/y.ts'],
  [
    'a workflow reaches the store, if only for a type',
    'src/workflows/x.ts',
    "import type { A } from '../store/y.js';",
    'src/store/y.ts',
  ],
  ['a workflow uses a module of Node', 'src/workflows/x.ts', "import 'node:fs';", 'src/workflows/y.ts'],
  ['the science reads files', 'src/bio/x.ts', "import 'node:fs/promises';", 'src/bio/y.ts'],
  ['contracts import anything of ours', 'src/contracts/x.ts', "import '../bio/y.js';", 'src/bio/y.ts'],
  [
    'an analysis page does more of the science than the curve',
    'src/api/analyses/x.ts',
    "import '../../bio/y.js';",
    'src/bio/y.ts',
  ],
  ['a room imports main', 'src/api/x.ts', "import '../main.js';", 'src/main.ts'],
  [
    'the tools of the machine reach the servers',
    'src/local/machine/x.ts',
    "import '../servers/y.js';",
    'src/local/servers/y.ts',
  ],
  ['the database reaches a collection', 'src/store/database/x.ts', "import '../y.js';", 'src/store/y.ts'],
  ['an activity reads the configuration', 'src/activities/x.ts', "import '../config.js';", 'src/config.ts'],
])('the arrow check is red when %s', (_, path, text, other) => {
  const { red, report } = checkArrows({ [path]: text, [other]: LEAF });
  expect(report).toContain(path);
  expect(red).toBe(true);
});

test('the arrow check is red for a circle', () => {
  const { red, report } = checkArrows({
    'src/bio/x.ts': "import './y.js';",
    'src/bio/y.ts': "import './x.js';",
  });
  expect(report).toContain('no-circles');
  expect(red).toBe(true);
});

test('the arrow check is green for what the rooms may do', () => {
  const { red, report } = checkArrows({
    'src/api/analyses/x.ts': "import '../../bio/curve.js'; import '../../store/y.js'; import '../../log.js';",
    'src/activities/x.ts': "import '../tools/y.js';",
    'src/bio/y.ts': LEAF,
    'src/bio/curve.ts': LEAF,
    'src/store/y.ts': "import type { A } from '../contracts/y.js';",
    'src/tools/y.ts': LEAF,
    'src/contracts/y.ts': LEAF,
    'src/local/servers/x.ts': "import '../machine/y.js'; import '../errors.js';",
    'src/local/machine/y.ts': LEAF,
    'src/local/errors.ts': LEAF,
    'src/log.ts': LEAF,
  });
  expect(report).toContain('no dependency violations');
  expect(red).toBe(false);
});

test.each([
  ['a RegExp in a filter', 'users.find({ name: /^abc/i })'],
  ['a RegExp in $in', '{ name: { $in: [/x/] } }'],
  ['a RegExp made from text', '{ name: new RegExp(term) }'],
  ['a positional $', "{ $set: { 'members.$.build': true } }"],
  [
    'a collection whose lists would not learn of writes',
    "database.db.collection('samples').updateMany(filter, change)",
  ],
  ['a collation', 'find({}, { collation: { locale: "en" } })'],
])('the source check is red for %s', (_, line) => {
  expect(checkSources([{ path: 'src/store/users.ts', text: line }])).toEqual([
    expect.stringMatching(/^src\/store\/users\.ts:1: /),
  ]);
});

test.each([
  ['a test of text', 'return value === undefined ? undefined : /^(true|1)$/i.test(value);'],
  ['an array filter', "{ $set: { 'members.$[member].build': true } }"],
  ['a template', '`members.$' + '{id}.build`'],
  ['a comment', '// never { name: /abc/ } and no collation'],
])('the source check is green for %s', (_, line) => {
  expect(checkSources([{ path: 'src/store/users.ts', text: line }])).toEqual([]);
});

test('the source check is red for a file of more than 400 lines', () => {
  const file = (lines: number) => [{ path: 'src/bio/x.ts', text: 'a;\n'.repeat(lines) }];
  expect(checkSources(file(400))).toEqual([]);
  expect(checkSources(file(401))).toHaveLength(1);
});
