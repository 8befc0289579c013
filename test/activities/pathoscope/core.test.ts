import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { expect, test, vi } from 'vitest';
import { type CoreOptions, runCore } from '../../../src/activities/pathoscope/core/run.js';
import type { CoreTask } from '../../../src/activities/pathoscope/core/tasks.js';
import { runTask } from '../../../src/activities/pathoscope/core/work.js';
import { describeError } from '../../../src/activities/steps/describe.js';
import { unpackDepths } from '../../../src/bio/depth_runs.js';
import { readDescriptor } from '../../../src/tools/named_pipes.js';
import { runTool } from '../../../src/tools/runner.js';
import { goldenJson, goldenText, sha256 } from '../../bio/golden.js';
import { testFolder } from '../../support/folders.js';

type Expected = {
  subtraction?: { subtracted_count: number; lines_after: number; sha256_after: string };
  reassigned: { sha256: string };
  job_results: { read_count: number; results: { id: string; align_sha256: string }[] };
};
type StoredHit = { id: string; align: number[]; depth_by_base: { align: string; coverage: number; depth: number } };
type Results = { read_count: number; results: StoredHit[] };

/** The tasks of a job in a folder, in their order. */
function tasksIn(folder: string) {
  const path = (name: string) => join(folder, name);
  const table = { records: path('mapped.records'), summary: path('mapped.json') };
  const left = { records: path('left.records'), summary: path('left.json') };
  const files = { readNames: path('names.txt'), hostScores: path('host.numbers') };
  const outputs = { reassigned: path('reassigned.vta'), report: path('report.tsv'), results: path('pathoscope.json') };
  return {
    map: { task: 'map_isolates', vta: path('mapped.vta'), table, readNames: files.readNames },
    host: { task: 'map_host', ...files },
    subtract: { task: 'subtract', vta: path('mapped.vta'), table, ...files, left, leftVta: path('left.vta') },
    reassign: { task: 'reassign', vta: path('left.vta'), table: left, isolates: path('isolates.json'), ...outputs },
  } as const satisfies Record<string, CoreTask>;
}

const OUTPUTS = ['mapped.vta', 'left.vta', 'reassigned.vta', 'report.tsv', 'pathoscope.json'];

const options = (changes: Partial<CoreOptions> = {}): CoreOptions => ({
  signal: new AbortController().signal,
  memoryGib: 1,
  ...changes,
});

/** Gives some bytes in pieces of an odd size: lines and names break everywhere. */
function pieces(bytes: Buffer, size: number) {
  let at = 0;
  return (room: Uint8Array) => {
    const count = bytes.copy(room, 0, at, at + size);
    at += count;
    return count;
  };
}

/** Runs a task on what a program writes. */
function runOn<T extends CoreTask>(argv: [string, ...string[]], task: T, changes: Partial<CoreOptions> = {}) {
  const { signal } = changes;
  const pipe = join(testFolder(), 'pipe');
  const stdout = readDescriptor(pipe, (input) => runCore(task, options({ ...changes, input })));
  return runTool({ argv }, { stdout, signal }).then(({ output }) => output);
}

/** The same on the bytes of a file. */
function runOnBytes<T extends CoreTask>(bytes: Buffer, task: T, changes: Partial<CoreOptions> = {}) {
  const file = join(testFolder(), 'bytes');
  writeFileSync(file, bytes);
  return runOn(['cat', file], task, changes);
}

function writeIsolates(folder: string, lengths: Record<string, number>): void {
  const isolates = Object.entries(lengths).map(([id, length]) => [id, { length, otu: { id: 'otu', version: 0 } }]);
  writeFileSync(join(folder, 'isolates.json'), JSON.stringify(Object.fromEntries(isolates)));
}

/** A reassignment that never ends: of zeros there are always more. */
function endlessTask(folder: string): Extract<CoreTask, { task: 'reassign' }> {
  writeIsolates(folder, {});
  const summary = join(folder, 'endless.json');
  writeFileSync(
    summary,
    JSON.stringify({ lineCount: 1, readCount: 1, references: ['ref'], scores: [100], cigars: [] }),
  );
  return { ...tasksIn(folder).reassign, table: { records: '/dev/zero', summary } };
}

/** How many reads cover a base, by "reference position": base by base along the CIGARs of the lines that were kept. */
function countBases(sam: string, kept: string): Map<string, number> {
  const counts = new Map<string, number>();
  const left = kept.split('\n').reverse();
  for (const line of sam.split('\n').filter((text) => text !== '' && !text.startsWith('@'))) {
    const [read, , reference, start, , cigar = '', , , , bases = ''] = line.split('\t');
    if (!left.at(-1)?.startsWith(`${read},${reference},${start},${bases.length},`)) continue;
    left.pop();
    let position = Number(start);
    for (const [, count, operation = ''] of cigar.matchAll(/(\d+)([MIDNSHPX=])/g)) {
      for (let i = 0; i < Number(count); i++) {
        if ('M=X'.includes(operation)) {
          counts.set(`${reference} ${position}`, (counts.get(`${reference} ${position}`) ?? 0) + 1);
        }
        if ('M=XDN'.includes(operation)) position += 1;
      }
    }
  }
  expect(left).toEqual(['']);
  return counts;
}

const threads = () => process.getActiveResourcesInfo().filter((name) => /MessagePort|Worker/.test(name)).length;

// bowtie2's own lines and what the original made of them.
test.each(['sim_500', 'sim_paired', 'sim_host'])(
  '%s: the expected files, the same through the thread as without',
  async (name) => {
    const golden = (file: string) => `pathoscope/${name}/${file}`;
    const expected = goldenJson<Expected>(golden('expected.json'));
    const sam = Buffer.from(goldenText(golden('isolates.sam')), 'latin1');
    const hostSam = Buffer.from(goldenText(golden('subtraction.sam')), 'latin1');
    const [threaded, plain] = [testFolder(), testFolder()];
    for (const folder of [threaded, plain]) writeIsolates(folder, goldenJson(golden('ref_lengths.json')));

    const tasks = tasksIn(threaded);
    const { lineCount } = await runOnBytes(sam, tasks.map);
    await runOnBytes(hostSam, tasks.host);
    const { subtractedCount } = await runCore(tasks.subtract, options());
    await runCore(tasks.reassign, options());
    const inputs = { map: sam, host: hostSam, subtract: Buffer.alloc(0), reassign: Buffer.alloc(0) };
    for (const [step, task] of Object.entries(tasksIn(plain))) {
      runTask(task, pieces(inputs[step as keyof typeof inputs], 211), () => {});
    }

    const textOf = (folder: string, file: string) => readFileSync(join(folder, file), 'latin1');
    expect(textOf(threaded, 'mapped.vta')).toBe(goldenText(golden('input.vta')));
    expect(textOf(threaded, 'mapped.vta').split('\n')).toHaveLength(lineCount + 1);
    expect(subtractedCount).toBe(expected.subtraction?.subtracted_count ?? 0);
    if (expected.subtraction) expect(sha256(textOf(threaded, 'left.vta'))).toBe(expected.subtraction.sha256_after);
    expect(sha256(textOf(threaded, 'reassigned.vta'))).toBe(expected.reassigned.sha256);
    expect(textOf(threaded, 'report.tsv')).toBe(goldenText(golden('report.tsv')));
    const { read_count, results } = JSON.parse(textOf(threaded, 'pathoscope.json')) as Results;
    expect(read_count).toBe(expected.job_results.read_count);
    expect(results.map(({ id, align }) => [id, sha256(align.join(','))])).toEqual(
      expected.job_results.results.map(({ id, align_sha256 }) => [id, align_sha256]),
    );
    const byBase = countBases(sam.toString('latin1'), textOf(threaded, 'reassigned.vta'));
    for (const { id, align, depth_by_base } of results) {
      const depths = unpackDepths(depth_by_base.align);
      expect(depths).toHaveLength(align.length);
      expect([id, ...depths]).toEqual([id, ...align.map((_, base) => byBase.get(`${id} ${base + 1}`) ?? 0)]);
      const covered = depths.filter((depth) => depth > 0).length;
      expect(depth_by_base.coverage).toBeCloseTo(covered / align.length, 3);
    }
    for (const file of OUTPUTS) expect([file, textOf(plain, file)]).toEqual([file, textOf(threaded, file)]);
  },
);

test('without any alignment all files are there, and empty', async () => {
  const folder = testFolder();
  const tasks = tasksIn(folder);
  writeIsolates(folder, {});
  await runCore(tasks.map, options());
  await runCore(tasks.host, options());
  expect(await runCore(tasks.subtract, options())).toEqual({ subtractedCount: 0 });
  await runCore(tasks.reassign, options());
  expect(JSON.parse(readFileSync(join(folder, 'pathoscope.json'), 'utf8'))).toEqual({ read_count: 0, results: [] });
  expect(readFileSync(join(folder, 'reassigned.vta'), 'utf8')).toBe('');
});

// Heartbeats, sockets and other jobs live on the same event loop.
test('timers go on firing while the core computes, and a cancel ends its thread', async () => {
  const task = endlessTask(testFolder());
  const cancel = new AbortController();
  let fired = 0;
  const timer = setInterval(() => {
    fired += 1;
    if (fired === 100) cancel.abort(new Error('cancelled by the user'));
  }, 5);
  const run = runCore(task, options({ signal: cancel.signal }));
  expect(threads()).toBe(1);
  await expect(run).rejects.toThrow('cancelled by the user');
  clearInterval(timer);
  expect(threads()).toBe(0);
});

test('a cancel that came before starts nothing', async () => {
  const { reassign } = tasksIn(testFolder());
  await expect(runCore(reassign, options({ signal: AbortSignal.abort(new Error('too late')) }))).rejects.toThrow(
    'too late',
  );
});

test('a cancel in the middle of the input ends the aligner and the thread', async () => {
  const { map } = tasksIn(testFolder());
  const cancel = new AbortController();
  const run = runOn(['yes', '@'], map, { signal: cancel.signal });
  await vi.waitUntil(() => threads() === 1);
  cancel.abort(new Error('enough'));
  await expect(run).rejects.toThrow('enough');
  expect(threads()).toBe(0);
});

/** What the user gets to see of a failure. */
async function shownFailure(run: Promise<unknown>): Promise<unknown> {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const failure = describeError(error, 'map_isolates', '/data', 1);
  return failure instanceof ApplicationFailure ? failure.details?.[0] : failure;
}

test('an aligner that writes nonsense is a fault with advice, and the thread is gone', async () => {
  const { map } = tasksIn(testFolder());
  expect(await shownFailure(runOn(['yes', 'no SAM at all'], map))).toMatchObject({
    type: 'ThreadFailed',
    class: 'bug',
    details: [expect.stringContaining("Not a SAM line: 'no SAM at all'")],
    advice: expect.stringContaining('report it'),
  });
  expect(threads()).toBe(0);
});

test('a thread that runs out of memory ends alone, as a failure with advice', { timeout: 60_000 }, async () => {
  const lines = Array.from({ length: 200_000 }, (_, i) => `r\t0\treference${i}\t1\t1\t1M\t*\t0\t0\tA\tI\tAS:i:9\n`);
  const run = runOnBytes(Buffer.from(lines.join('')), { task: 'find_candidates' }, { memoryGib: 0.008 });
  expect(await shownFailure(run)).toMatchObject({
    type: 'ThreadFailed',
    class: 'out_of_memory',
    advice: expect.stringContaining('memory'),
  });
  expect(threads()).toBe(0);
});

test('what the operating system refuses stays what it is', async () => {
  const { map } = tasksIn(join(testFolder(), 'nowhere'));
  await expect(runCore(map, options())).rejects.toMatchObject({ code: 'ENOENT', syscall: 'open' });
});
