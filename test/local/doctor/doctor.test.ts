import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import { checkServers } from '../../../src/local/doctor/servers.js';
import { type DoctorOptions, type DoctorRow, formatTable, runDoctor } from '../../../src/local/index.js';
import { freePort } from '../../../src/local/machine/ports.js';
import { testFolder } from '../../support/folders.js';
import { onlyOnPath, writeProgram } from '../support.js';

function given(): DoctorOptions {
  return {
    dataPath: testFolder(),
    mongoUrl: inject('mongoUrl'),
    temporalAddress: inject('temporalAddress'),
    host: '127.0.0.1',
    port: 0,
    limits: { proc: 1, mem: 1 },
  };
}

function byCheck(rows: DoctorRow[]): Record<string, DoctorRow> {
  return Object.fromEntries(rows.map((row) => [row.check, row]));
}

test('transactions, change streams and every tool are really tried', async () => {
  const rows = byCheck(await runDoctor(given()));
  expect(rows['MongoDB transactions']).toMatchObject({ status: 'ok' });
  expect(rows['MongoDB change streams']).toMatchObject({ status: 'ok' });
  expect(rows.Temporal).toMatchObject({ status: 'ok', found: expect.stringContaining(inject('temporalAddress')) });
  expect(rows['Bowtie 2']?.found).toContain('mapped 200 reads');
  expect(Object.values(rows).filter(({ status }) => status === 'fail')).toEqual([]);
});

test('embedded servers are started for the trial when no address is given', async () => {
  const rows = byCheck(await checkServers({ ...given(), mongoUrl: undefined, temporalAddress: undefined }));
  expect(rows['MongoDB change streams']).toMatchObject({ status: 'ok' });
  expect(rows.Temporal).toMatchObject({ status: 'ok' });
});

test('every problem is a row with its cure', async () => {
  const listener = createServer();
  onTestFinished(() => void listener.close());
  const port = await freePort();
  await new Promise<void>((resolve) => listener.listen(port, '127.0.0.1', resolve));
  const file = join(testFolder(), 'file');
  writeFileSync(file, '');
  const rows = await runDoctor({
    quick: true,
    host: '127.0.0.1',
    port,
    dataPath: join(file, 'data'),
    watchPath: join(file, 'watch'),
    mongoUrl: `mongodb://127.0.0.1:${await freePort()}/`,
    temporalAddress: `127.0.0.1:${await freePort()}`,
    limits: { proc: 10_000, mem: 1_000_000 },
  });
  expect(byCheck(rows)).toMatchObject({
    Processors: { status: 'fail', cure: `Give --proc ${availableParallelism()}.` },
    Memory: { status: 'fail', cure: expect.stringMatching(/^Give --mem \d+\.$/) },
    'Data directory': { status: 'fail', cure: expect.stringContaining('--data-path') },
    'Watch directory': { status: 'warn', cure: expect.stringContaining('\nGive it to this user, choose another') },
    Port: { status: 'fail', cure: expect.stringContaining('--port') },
    MongoDB: { status: 'fail', cure: expect.stringContaining('--db') },
    Temporal: { status: 'fail', cure: expect.stringContaining('--temporal-address') },
  });
});

test('a tool that is missing, wrong or broken has its state in the row, and the cure once, on the next line', async () => {
  onTestFinished(() => void vi.unstubAllEnvs());
  const folder = onlyOnPath();
  writeProgram(folder, 'skewer', 'echo "skewer version: 0.1.5"');
  writeProgram(folder, 'pigz', 'echo "libz.so not found" >&2; exit 1');
  const rows = byCheck(await runDoctor({ ...given(), quick: true, cachePath: testFolder() }));
  expect(rows['Bowtie 2']?.found).toBe('bowtie2 is not on PATH.');
  expect(rows.skewer?.found).toBe('0.1.5: 0.2.2 or newer is needed, but older than 0.3.');
  expect(rows.pigz?.found).toMatch(/^pigz is there but does not run: .*libz\.so not found$/);
  for (const check of ['Bowtie 2', 'skewer', 'pigz']) {
    const { status, cure } = rows[check] as DoctorRow;
    expect(status).toBe('fail');
    expect(cure).toMatch(
      /^Install it with "apt-get install \S+" or "conda install .*", and make sure that it is on PATH\.$/,
    );
  }
  expect(rows.igzip).toMatchObject({
    status: 'warn',
    found: 'igzip is not on PATH.',
    cure: expect.stringMatching(/isal.*isa-l/),
  });
});

test('the table has a line per check and its cure below', () => {
  const rows: DoctorRow[] = [
    { check: 'Node', status: 'ok', found: '20.19.0', cure: '' },
    { check: 'Disk', status: 'fail', found: '0.5 GiB free', cure: 'Free some space.' },
  ];
  expect(formatTable(rows)).toBe(
    ['Node  ok    20.19.0', 'Disk  fail  0.5 GiB free', '            → Free some space.'].join('\n'),
  );
});
