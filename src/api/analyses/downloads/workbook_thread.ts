// Where the thread of a workbook begins; workbook.ts starts it and owns it.
import { parentPort, workerData } from 'node:worker_threads';
import writeWorkbook, { type SheetData } from 'write-excel-file/node';

/** What the thread is to write. */
export type WorkbookTask = { sheets: { sheet: string; data: SheetData }[] };

const port = parentPort;
if (!port) throw new Error('This file is the entry of a worker thread');

// The archive notes when its parts were made; a clock that stands still gives the same bytes for the same rows.
Date.now = () => new Date(2000, 0, 1).getTime();

const { sheets } = workerData as WorkbookTask;
const workbook = await writeWorkbook(sheets, { fontFamily: 'Calibri', fontSize: 11 }).toBuffer();
port.postMessage(new Uint8Array(workbook));
