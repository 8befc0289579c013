import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { SheetData } from 'write-excel-file/node';
import type { Cell } from './table.js';

const LIMIT_MS = 60_000;
const LIBRARY = createRequire(import.meta.url).resolve('write-excel-file/node');

/**
 * The library works through a sheet in one go, a second for some thousand rows, so it gets a thread of its own. The archive notes when its
 * parts were made; a clock that stands still gives the same bytes for the same rows.
 */
const THREAD = `
  const { parentPort, workerData } = require('node:worker_threads');
  Date.now = () => new Date(2000, 0, 1).getTime();
  const { library, sheet, rows } = workerData;
  require(library).default(rows, { sheet }, { fontFamily: 'Calibri', fontSize: 11 }).toBuffer()
    .then((workbook) => parentPort.postMessage(new Uint8Array(workbook)));
`;

let last: Promise<unknown> = Promise.resolve();

/**
 * An Excel workbook (Office Open XML) of one sheet whose first row is bold. Cells are texts and numbers, never formulas, whatever a text
 * begins with. One workbook is made at a time.
 *
 * @throws Error when the library cannot make it, or not within a minute.
 */
export function createWorkbook(sheet: string, rows: readonly (readonly Cell[])[]): Promise<Uint8Array<ArrayBuffer>> {
  const [head = [], ...others] = rows;
  const cells: SheetData = [head.map((value) => ({ value, fontWeight: 'bold' as const })), ...others.map(toSheetRow)];
  const made = last.then(() => runThread({ library: LIBRARY, sheet, rows: cells }));
  last = made.catch(() => undefined);
  return made;
}

// The library refuses empty texts.
function toSheetRow(cells: readonly Cell[]) {
  return cells.map((value) => (value === '' ? null : value));
}

async function runThread(workerData: { library: string; sheet: string; rows: SheetData }) {
  const worker = new Worker(THREAD, { eval: true, workerData });
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
