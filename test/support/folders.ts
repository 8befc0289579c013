import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inject, onTestFinished } from 'vitest';

/** An empty folder that is removed when the test ends. */
export function testFolder(): string {
  const folder = mkdtempSync(join(inject('runFolder'), 'case-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}
