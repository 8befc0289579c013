import { writeFileSync } from 'node:fs';

/** The environment variable with the path that the counts go to. */
export const COUNTS_FILE = 'TEST_COUNTS_FILE';

/**
 * A vitest reporter that writes how many tests passed, failed and were skipped, and what failed outside of every test:
 * files that could not be loaded, set-ups of suites, errors that nobody caught.
 */
export default class TestCounts {
  onTestRunEnd(modules, unhandled) {
    const counts = { passed: 0, failed: 0, skipped: 0, errors: [] };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        counts[state === 'pending' ? 'failed' : state] += 1;
      }
      const suites = [module, ...module.children.allSuites()];
      const errors = suites.flatMap((suite) => suite.errors());
      counts.errors.push(...errors.map((error) => `${module.relativeModuleId}: ${name(error)}`));
    }
    counts.errors.push(...unhandled.map((error) => `${error.type ?? 'Unhandled error'}: ${name(error)}`));
    writeFileSync(process.env[COUNTS_FILE], JSON.stringify(counts));
  }
}

function name({ name = 'Error', message = '' }) {
  return `${name}: ${message.split('\n')[0]}`;
}
