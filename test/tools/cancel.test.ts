import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { expect, test } from 'vitest';
import { ToolFailed } from '../../src/tools/errors.js';
import { readChunks, runPipe, runTool, toFile } from '../../src/tools/runner.js';
import { living, pidsIn, script, tempFolder, until } from './support.js';

/** A wrapper that ignores SIGTERM, with two children that do the same and a grandchild of each. All note their ids. */
const STUBBORN = `
trap '' TERM
echo $$ >> pids
for i in 1 2; do
  sh -c 'echo $$ >> pids; sh -c "echo \\$\\$ >> pids; while :; do sleep 1; done" & while :; do sleep 1; done' &
done
while :; do sleep 1; done`;
const STUBBORN_SIZE = 5;

// The old server killed the direct child only: aligners and compressors went on writing into deleted folders.
test('cancel leaves no living descendant, even when all of them ignore SIGTERM', async () => {
  await using folder = await tempFolder();
  const tool = await script(folder.path, 'stubborn', STUBBORN);
  const pids = join(folder.path, 'pids');
  const abort = new AbortController();
  const run = runTool(tool, { cwd: folder.path, signal: abort.signal }).catch((e) => e);
  await until(() => pidsIn(pids).length === STUBBORN_SIZE);
  const reason = new Error('CancelledFailure');
  abort.abort(reason);
  expect(await run).toBe(reason);
  await until(() => living(pidsIn(pids)).length === 0);
});

test('cancel asks politely first', async () => {
  await using folder = await tempFolder();
  const tool = await script(
    folder.path,
    'polite',
    "trap 'echo bye > bye; exit 1' TERM; echo > ready; while :; do sleep 0.01; done",
  );
  const abort = new AbortController();
  const run = runTool(tool, { cwd: folder.path, signal: abort.signal, killAfterMs: 20_000 }).catch((e) => e);
  await until(() => existsSync(join(folder.path, 'ready')));
  abort.abort('stop');
  expect(await run).toBe('stop');
  expect(await readFile(join(folder.path, 'bye'), 'utf8')).toBe('bye\n');
});

test('cancel reaches a consumer that waits for more output, and its file is closed', async () => {
  const abort = new AbortController();
  const reason = new Error('cancelled');
  let seen: unknown;
  const stdout = readChunks(async (chunks) => {
    try {
      for await (const _ of chunks) abort.abort(reason);
    } catch (error) {
      seen = error;
      throw error;
    }
  });
  await expect(runTool({ argv: ['sh', '-c', 'echo x; sleep 60'] }, { stdout, signal: abort.signal })).rejects.toBe(
    reason,
  );
  expect(seen).toBe(reason);
});

test('a signal that is already aborted starts nothing', async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, 'started');
  const run = runTool({ argv: ['touch', path] }, { signal: AbortSignal.abort('before') });
  await expect(run).rejects.toBe('before');
  expect(existsSync(path)).toBe(false);
});

test('what a tool leaves behind in its group dies with it', async () => {
  await using folder = await tempFolder();
  const tool = await script(
    folder.path,
    'careless',
    "sh -c 'echo $$ > pids; exec sleep 60' & while [ ! -s pids ]; do sleep 0.01; done",
  );
  await runTool(tool, { cwd: folder.path });
  await until(() => living(pidsIn(join(folder.path, 'pids'))).length === 0);
});

test('a process that left the group and holds the output open does not hold the run', async () => {
  await using folder = await tempFolder();
  const tool = await script(
    folder.path,
    'daemon',
    "setsid sh -c 'echo $$ > pids; exec sleep 600' & while [ ! -s pids ]; do sleep 0.01; done; echo out",
  );
  const stdout = readChunks(async (chunks) => {
    for await (const _ of chunks);
  });
  const signal = AbortSignal.timeout(15_000);
  const outcome = await runTool(tool, { cwd: folder.path, stdout, signal }).catch((e) => e);
  expect(outcome.message).toContain('left the process group');
});

test('in a pipe both exit codes count', async () => {
  await using folder = await tempFolder();
  const out = join(folder.path, 'out');
  const good = await runPipe([{ argv: ['printf', 'b\na\n'] }, { argv: ['sort'] }], { stdout: toFile(out) });
  expect(good.command).toEqual(['sort']);
  expect(await readFile(out, 'utf8')).toBe('a\nb\n');

  const half = await script(folder.path, 'half', 'echo a; exit 4');
  const first = await runPipe([half, { argv: ['sort'] }], { stdout: toFile(out) }).catch((e) => e);
  expect(first).toBeInstanceOf(ToolFailed);
  expect(first.run).toMatchObject({ command: half.argv, exitCode: 4 });

  const deaf = await script(folder.path, 'deaf', 'exit 5');
  const second = await runPipe([{ argv: ['yes'] }, deaf], { stdout: toFile(out) }).catch((e) => e);
  expect(second.run).toMatchObject({ command: deaf.argv, exitCode: 5 });

  const slow = await script(folder.path, 'slow', 'exec <&-; while [ ! -e gone ]; do sleep 0.01; done; exit 6');
  const writer = await script(folder.path, 'writer', 'yes; echo "yes: Broken pipe" >&2; touch gone; exit 1');
  const options = { cwd: folder.path, stdout: toFile(out) };
  const last = await runPipe([writer, slow], options).catch((e) => e);
  expect(last.run).toMatchObject({ command: slow.argv, exitCode: 6 });
});

test('cancel ends both sides of a pipe', async () => {
  await using folder = await tempFolder();
  const [left, right] = [await script(folder.path, 'left', STUBBORN), await script(folder.path, 'right', STUBBORN)];
  const abort = new AbortController();
  const options = { cwd: folder.path, signal: abort.signal, stdout: toFile(join(folder.path, 'out')) };
  const run = runPipe([left, right], options).catch((e) => e);
  const pids = join(folder.path, 'pids');
  await until(() => pidsIn(pids).length === 2 * STUBBORN_SIZE);
  abort.abort('stop');
  expect(await run).toBe('stop');
  await until(() => living(pidsIn(pids)).length === 0);
});

// A worker that is killed hard cannot clean up; aligners that live on would write beside those of the next attempt.
test('after kill -9 of the process that runs it, every descendant of a tool dies', async () => {
  await using folder = await tempFolder();
  const tool = await script(folder.path, 'stubborn', STUBBORN);
  const pids = join(folder.path, 'pids');
  await using helper = await startParent(folder.path, tool.argv[0]);
  const { parent } = helper;
  await until(() => pidsIn(pids).length === STUBBORN_SIZE);
  expect(living(pidsIn(pids))).toHaveLength(STUBBORN_SIZE);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  await until(() => living(pidsIn(pids)).length === 0);
});

test('the same holds between the SIGTERM and the SIGKILL of a cancel', async () => {
  await using folder = await tempFolder();
  const tool = await script(folder.path, 'stubborn', STUBBORN.replace("trap '' TERM", "trap 'echo > asked' TERM"));
  const pids = join(folder.path, 'pids');
  await using helper = await startParent(folder.path, tool.argv[0]);
  const { parent } = helper;
  await until(() => pidsIn(pids).length === STUBBORN_SIZE);
  parent.stdin?.write('abort\n');
  await until(() => existsSync(join(folder.path, 'asked')));
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  await until(() => living(pidsIn(pids)).length === 0);
});

/** A node process of its own that runs one tool, and cancels it (with a very late SIGKILL) when it reads a line. */
async function startParent(folder: string, tool: string): Promise<{ parent: ChildProcess } & AsyncDisposable> {
  const runner = fileURLToPath(new URL('../../src/tools/runner.ts', import.meta.url));
  await build({
    configFile: false,
    logLevel: 'silent',
    root: folder,
    build: { ssr: runner, outDir: join(folder, 'bundle'), rollupOptions: { output: { entryFileNames: 'runner.mjs' } } },
  });
  const main = join(folder, 'parent.mjs');
  await writeFile(
    main,
    `import { runTool } from './bundle/runner.mjs';
     const abort = new AbortController();
     process.stdin.once('data', () => abort.abort(new Error('cancelled')));
     await runTool({ argv: [${JSON.stringify(tool)}] }, { cwd: ${JSON.stringify(folder)}, signal: abort.signal, killAfterMs: 600_000 });`,
  );
  const parent = spawn(process.execPath, [main], { stdio: ['pipe', 'ignore', 'inherit'] });
  return {
    parent,
    async [Symbol.asyncDispose]() {
      parent.kill('SIGKILL');
    },
  };
}
