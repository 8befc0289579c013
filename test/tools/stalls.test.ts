import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { explain } from '../../src/tools/classify.js';
import { ToolFailed } from '../../src/tools/errors.js';
import { discard, readChunks, runPipe, runTool } from '../../src/tools/runner.js';
import { surroundTools } from '../../src/tools/surroundings.js';
import { living, pidsIn, script, tempFolder } from './support.js';

const STALLED_AFTER_MS = 2_000;
const watched = <T>(work: () => Promise<T>) => surroundTools({ stalledAfterMs: STALLED_AFTER_MS }, work);
const hasProc = existsSync('/proc/self/stat');

/** A tool that works for some three times as long as it might stand still. */
const SLOW = 'i=0; while [ $i -lt 20 ]; do i=$((i+1)); sleep 0.3; WORK; done';

test.runIf(hasProc)('a tool that does nothing is ended as failed, with what it last said', async () => {
  await using folder = await tempFolder();
  const tool = await script(folder.path, 'stuck', 'echo $$ >> pids; echo "reading block 7" >&2; exec sleep 600');
  const error = await watched(() => runTool(tool, { cwd: folder.path })).catch((e) => e);
  expect(error).toBeInstanceOf(ToolFailed);
  expect(error.message).toMatch(/stalled: .* for 2 s/);
  expect(error.run).toMatchObject({ stalledSeconds: 2, stderrTail: ['reading block 7'] });
  expect(explain(error)).toMatchObject({ class: 'tool_failed', isPassing: false });
  expect(living(pidsIn(join(folder.path, 'pids')))).toEqual([]);
});

test.runIf(hasProc)('so is one that was stopped, below a wrapper too', async () => {
  await using folder = await tempFolder();
  const tool = await script(folder.path, 'wrapper', "sh -c 'echo $$ >> pids; kill -STOP $$; exit 0'; exit $?");
  await expect(watched(() => runTool(tool, { cwd: folder.path }))).rejects.toThrow('stalled');
  expect(living(pidsIn(join(folder.path, 'pids')))).toEqual([]);
});

test.each(['echo x >&2', 'head -c 100 /dev/zero > written'])('a slow tool that does %s goes on', async (work) => {
  await using folder = await tempFolder();
  const tool = await script(folder.path, 'slow', SLOW.replace('WORK', work));
  expect(await watched(() => runTool(tool, { cwd: folder.path }))).toMatchObject({ exitCode: 0 });
});

test('a tool that waits for another one of its step goes on while that one works', async () => {
  await using folder = await tempFolder();
  const slow = await script(folder.path, 'slow', `${SLOW.replace('WORK', 'echo x >&2')}; echo end`);
  await watched(() => runPipe([slow, { argv: ['cat'] }], { stdout: discard() }));
  const tool = await script(folder.path, 'waiting', 'while [ ! -e done ]; do read x < pipe; done');
  await runTool({ argv: ['mkfifo', 'pipe'] }, { cwd: folder.path });
  const feeder = await script(folder.path, 'feeder', `${SLOW.replace('WORK', ':')}; touch done; echo > pipe`);
  await watched(() => Promise.all([tool, feeder].map((one) => runTool(one, { cwd: folder.path }))));
});

test('a tool goes on that waits for a busy consumer of its output', async () => {
  await using folder = await tempFolder();
  const tool = await script(folder.path, 'flood', 'head -c 3000000 /dev/zero');
  const consume = async (chunks: AsyncIterable<Buffer>) => {
    let size = 0;
    for await (const chunk of chunks) {
      if (size === 0) await delay(2 * STALLED_AFTER_MS);
      size += chunk.length;
    }
    return size;
  };
  expect((await watched(() => runTool(tool, { stdout: readChunks(consume) }))).output).toBe(3_000_000);
});
