import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { SheetData } from 'write-excel-file/node';
import type { Cell } from './table.js';
import type { WorkbookTask } from './workbook_thread.js';

const LIMIT_MS = 60_000;
// By its name in package.json: tests run this file from the sources, a thread needs the built one.
const ENTRY = createRequire(import.meta.url).resolve('#workbook-thread');

let last: Promise<unknown> = Promise.resolve();

/** A sheet of a workbook: its name and its rows. */
export type WorkbookSheet = { name: string; rows: readonly (readonly Cell[])[] };

/**
 * An Excel workbook (Office Open XML) of sheets whose first rows are bold. Cells are texts and numbers, never formulas, whatever a text
 * begins with. One workbook is made at a time.
 *
 * @throws Error when the library cannot make it, or not within a minute.
 */
export function createWorkbook(sheets: readonly WorkbookSheet[]): Promise<Uint8Array<ArrayBuffer>> {
  const task = { sheets: sheets.map(({ name, rows }) => ({ sheet: name, data: toSheetData(rows) })) };
  const made = last.then(() => runThread(task));
  last = made.catch(() => undefined);
  return made;
}

function toSheetData([head = [], ...others]: readonly (readonly Cell[])[]): SheetData {
  return [head.map((value) => ({ value, fontWeight: 'bold' as const })), ...others.map(toSheetRow)];
}

// The library refuses empty texts.
function toSheetRow(cells: readonly Cell[]) {
  return cells.map((value) => (value === '' ? null : value));
}

// The library works through a sheet in one go, a second for some thousand rows.
async function runThread(workerData: WorkbookTask) {
  const worker = new Worker(ENTRY, { workerData });
  try {
    return await new Promise<Uint8Array<ArrayBuffer>>((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error(`The workbook was not made in ${LIMIT_MS} ms`)), LIMIT_MS);
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', () => {
        clearTimeout(limit);
        reject(new Error('The thread that makes workbooks ended too early'));
      });
    });
  } finally {
    await worker.terminate();
  }
}
