import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runChecks } from '../check.mjs';
import { ROOT, runAttached, SetupError } from './steps.mjs';

/**
 * Runs the checks and all tests, or only the tests that the arguments choose. Ends with a line
 * "N passed, N failed" that counts checks and tests. Resolves with the exit code.
 */
export async function runTests(args) {
  await prepare();
  const chosen = args.some((arg) => !arg.startsWith('-'));
  const checks = chosen ? { passed: 0, failed: 0 } : await runChecks();
  const tests = await runVitest(args);
  if (tests.skipped > 0) console.log(`${tests.skipped} skipped`);
  console.log(`${checks.passed + tests.passed} passed, ${checks.failed + tests.failed} failed`);
  return checks.failed + tests.failed > 0 || tests.code !== 0 ? 1 : 0;
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

async function runVitest(args) {
  const folder = join(ROOT, '.local');
  mkdirSync(folder, { recursive: true });
  const report = join(folder, `test-report-${process.pid}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const code = await runAttached(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...args]);
  try {
    return { code, ...readReport(report) };
  } finally {
    rmSync(report, { force: true });
  }
}

// A run that broke before its report counts as one failure, and so does a file that could not be loaded.
function readReport(path) {
  let report;
  try {
    report = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const broken = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}
