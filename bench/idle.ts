import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchServer } from './server.js';
import { printTable } from './table.js';

const SETTLE_MS = 20_000;
const WATCH_MS = 30_000;

/** Memory and CPU of everything while nobody asks for anything. */
export async function benchIdle(server: BenchServer): Promise<void> {
  // What follows a start is no rest.
  await sleep(SETTLE_MS);
  const before = await server.cpuSeconds();
  await sleep(WATCH_MS);
  const cores = (await server.cpuSeconds()) - before;
  const memory = await server.memory();
  const total = [...memory.values()].reduce((sum, size) => sum + size, 0);
  const rows = [...memory].map(([name, size]) => [name, size.toFixed(0), (size / total).toFixed(2), '']);
  printTable(
    'Idle server: memory in MiB (shared pages counted once)',
    ['process', 'MiB', 'share', 'goal'],
    [
      ...rows,
      ['all', total.toFixed(0), '1.00', '≤ 450'],
      ['CPU, % of a core', ((cores / (WATCH_MS / 1000)) * 100).toFixed(1), '', '≤ 1.5'],
    ],
  );
}
