import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runChecks } from '../check.mjs';
import { ROOT, runAttached, SetupError } from './steps.mjs';
import { COUNTS_FILE } from './test_counts.mjs';

/**
 * Runs the checks and all tests, or only the tests that the arguments choose. Ends with a line
 * "N passed, N failed" that counts checks and tests. Resolves with the exit code.
 */
export async function runTests(args) {
  await prepare();
  const chosen = args.some((arg) => !arg.startsWith('-'));
  const checks = chosen ? { passed: 0, failed: 0 } : await runChecks();
  const tests = await runVitest(args);
  console.log(describeCounts({ ...tests, passed: checks.passed + tests.passed, failed: checks.failed + tests.failed }));
  return checks.failed + tests.failed > 0 ? 1 : 0;
}

/** The last lines of a run: what failed outside of the tests, what was skipped, and the counts. */
export function describeCounts({ passed, failed, skipped, errors }) {
  return [
    ...errors.map((error) => `outside of the tests: ${error}`),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
    `${passed} passed, ${failed} failed`,
  ].join('\n');
}

/** Runs vitest on this terminal. Each error outside of the tests counts as a failure, so none stays without one. */
export async function runVitest(args) {
  const folder = join(ROOT, '.local');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `test-counts-${process.pid}.json`);
  const reporters = ['--reporter=default', `--reporter=${fileURLToPath(import.meta.resolve('./test_counts.mjs'))}`];
  try {
    const env = { [COUNTS_FILE]: file };
    const code = await runAttached(
      process.execPath,
      ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...args],
      env,
    );
    return countFailures(code, readCounts(file));
  } finally {
    rmSync(file, { force: true });
  }
}

function countFailures(code, counts) {
  const failed = counts.failed + counts.errors.length;
  if (code === 0 || failed > 0) return { ...counts, failed };
  return { ...counts, failed: 1, errors: [`vitest ended with code ${code}`] };
}

// Absent when the run broke before its end.
function readCounts(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return { passed: 0, failed: 0, skipped: 0, errors: [] };
  }
}

async function prepare() {
  const { prepareMachine } = await import('../../dist/local/prepare.js');
  const { LocalError } = await import('../../dist/local/errors.js');
  try {
    await prepareMachine({ say: (line) => console.error(line) });
  } catch (error) {
    if (error instanceof LocalError) throw new SetupError(error.text());
    throw error;
  }
}
