import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Db } from 'mongodb';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { testFolder } from '../support/folders.js';
import { type TestDatabase, testDatabase } from '../support/servers.js';
import { buildOldInstallation } from './old_installation.js';
import { dumpDatabase, dumpTree, runAdoption } from './site.js';

const RUNNER = fileURLToPath(new URL('../support/run_ts.mjs', import.meta.url));
const KILLED = fileURLToPath(new URL('./killed.ts', import.meta.url));

/**
 * Between the writes of one repair, for every kind of repair that has more than one; not inside of transactions, which the server keeps open for
 * a minute after their client has died.
 */
const POINTS = [6, 14, 19, 25, 27, 36, 37, 42, 46, 54, 55, 61, 77, 88];

let temporary: TestDatabase;
let db: Db;
beforeEach(async () => {
  temporary = await testDatabase();
  ({ db } = temporary);
});
afterEach(() => temporary.dispose());

async function build() {
  await db.dropDatabase();
  const dataPath = testFolder();
  await buildOldInstallation(db, dataPath);
  return { url: temporary.url, name: temporary.name, dataPath };
}

function runKilled(place: Awaited<ReturnType<typeof build>>, killAt?: number) {
  const args = [
    RUNNER,
    KILLED,
    place.url,
    place.name,
    place.dataPath,
    ...(killAt === undefined ? [] : [String(killAt)]),
  ];
  return spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 });
}

/** Database and tree, without what tells only when something happened or how often it was tried. */
async function stateOf(dataPath: string) {
  const documents = (await dumpDatabase(db)).filter((line) => !line.startsWith('locks '));
  const now = /("timestamp":\{"\$date":\{"\$numberLong":")17\d+"/g;
  // Drawn anew for each installation.
  const drawn = /"password":\{"\$binary":\{[^}]*\}|"expiresAt":\{"\$date":\{"\$numberLong":"\d+"/g;
  return [
    documents.map((line) => line.replace(now, '$1now"').replace(drawn, '')),
    dumpTree(dataPath, { times: false }),
  ];
}

test('an adoption that is killed at a write and run again ends as if it had not been', {
  timeout: 240_000,
}, async () => {
  const undisturbed = await build();
  const counted = runKilled(undisturbed);
  expect(counted.stderr).toBe('');
  const writes = Number(/writes (\d+)/.exec(counted.stdout)?.[1]);
  const wanted = await stateOf(undisturbed.dataPath);

  expect(writes).toBeGreaterThan(POINTS.at(-1) ?? 0);
  for (const point of [...POINTS, writes]) {
    const place = await build();
    expect([point, runKilled(place, point).signal]).toEqual([point, 'SIGKILL']);
    await runAdoption(place);
    expect([point, await stateOf(place.dataPath)]).toEqual([point, wanted]);
  }
});
