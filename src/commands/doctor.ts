import type { Config } from '../config.js';
import { formatTable, runDoctor } from '../local/index.js';
import { doctorOptions, printLine } from './start.js';

/** Checks all that the server needs and prints a table; gives 1 when something is missing. */
export async function runDoctorCommand(config: Config): Promise<number> {
  const rows = await runDoctor(doctorOptions(config));
  printLine(formatTable(rows));
  return rows.some((row) => row.status === 'fail') ? 1 : 0;
}
