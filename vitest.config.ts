import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Folders whose tests change nothing of their process: their files share the modules that they load. */
const SHARING = ['api', 'bio', 'docs', 'files', 'golden', 'store'].map((folder) => `test/${folder}/**/*.test.ts`);

const COMMON = { pool: 'forks', testTimeout: 30_000, hookTimeout: 60_000, teardownTimeout: 30_000 } as const;

/** Files that take minutes come first, so that no worker is left alone with one of them at the end. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => /test\/(system|conformance)\//.test(moduleId);
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    // Inherited by no project, so that it runs once.
    globalSetup: ['test/global_setup.ts'],
    maxWorkers: 2,
    sequence: { sequencer: LongFirst },
    projects: [
      { test: { ...COMMON, name: 'sharing', include: SHARING, isolate: false } },
      // Each of these files owns signals, child processes and native runtimes, so it gets a process of its own.
      {
        test: {
          ...COMMON,
          name: 'alone',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...SHARING],
        },
      },
    ],
  },
});
