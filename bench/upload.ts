import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { BenchClient } from './client.js';
import { printTable, quantile } from './table.js';

const MEGABYTES = 500;
const ROUNDS = 3;
const PART = new Uint8Array(1_000_000).fill(65);

/** An upload of 500 MB, beside a bare program that writes the body of the same request to a file. */
export async function benchUpload(client: BenchClient, folder: string): Promise<void> {
  const file = new Blob(new Array<Uint8Array>(MEGABYTES).fill(PART));
  const ours: number[] = [];
  const bare: number[] = [];
  const program = await startBareProgram(join(folder, 'bare_upload'));
  for (let round = 0; round < ROUNDS; round += 1) {
    bare.push(await rate(() => program.upload(file)));
    ours.push(await rate(() => client.upload('reads', file, `upload_${round}.fq`)));
  }
  await program.close();
  const [whole, alone] = [quantile(ours, 0.5), quantile(bare, 0.5)];
  printTable(
    `Upload of ${MEGABYTES} MB, medians of ${ROUNDS} (MB/s)`,
    ['what', 'MB/s', 'ratio', 'goal'],
    [
      ['bare program', alone.toFixed(0), '1.00', ''],
      ['server', whole.toFixed(0), (whole / alone).toFixed(2), '≥ 0.7'],
    ],
  );
}

async function rate(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return MEGABYTES / ((performance.now() - startedAt) / 1000);
}

async function startBareProgram(path: string) {
  const server = createServer((request, response) => {
    pipeline(request, createWriteStream(path)).then(
      () => response.end(),
      (error: Error) => response.destroy(error),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    async upload(file: Blob) {
      const form = new FormData();
      form.append('file', file, 'upload');
      await (await fetch(url, { method: 'POST', body: form })).arrayBuffer();
    },
    async close() {
      server.close();
      await rm(path, { force: true });
    },
  };
}
