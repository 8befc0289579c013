import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { ProcessSpec } from '../processes/process.js';

/** Where a server keeps its data: a folder, or a file of SQLite with those that SQLite puts beside it. */
export type StorePath = { folder: string } | { file: string };

/**
 * The same server, which can be killed at any moment of its first start: it leaves files then that it cannot open again. Until it has
 * answered for the first time `PATH.new` stands beside them, also after a loss of power, and each start begins with nothing.
 */
export function surviveFirstStart(spec: ProcessSpec, at: StorePath): ProcessSpec {
  const path = pathOf(at);
  const marker = markerOf(path);
  return {
    ...spec,
    prepare() {
      if (!existsSync(marker)) {
        if (holdsData(at)) return;
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(marker, '', { flush: true });
        syncFolder(dirname(path));
      }
      for (const end of 'file' in at ? ['', '-wal', '-shm'] : [''])
        rmSync(path + end, { recursive: true, force: true });
      if ('folder' in at) mkdirSync(path);
    },
    async ready(output) {
      if (!(await spec.ready(output))) return false;
      if (existsSync(marker)) {
        rmSync(marker);
        syncFolder(dirname(path));
      }
      return true;
    },
  };
}

/** Whether there is more than an unfinished first start. */
export function holdsData(at: StorePath): boolean {
  const path = pathOf(at);
  if (!existsSync(path) || existsSync(markerOf(path))) return false;
  return 'folder' in at ? readdirSync(path).length > 0 : statSync(path).size > 0;
}

function pathOf(at: StorePath): string {
  return 'folder' in at ? at.folder : at.file;
}

function markerOf(path: string): string {
  return `${path}.new`;
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
