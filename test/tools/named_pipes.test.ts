import { read, write } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { ToolCommand } from '../../src/tools/command.js';
import { ToolFailed } from '../../src/tools/errors.js';
import { feedTool, runIntoPipes } from '../../src/tools/named_pipes.js';
import { toFile } from '../../src/tools/runner.js';
import { living, pidsIn, script, tempFolder, until } from './support.js';

const [readSome, writeSome] = [promisify(read), promisify(write)];

/** What can be read of a descriptor, up to its end. */
async function* chunksOf(descriptor: number): AsyncGenerator<Buffer> {
  for (;;) {
    const { bytesRead, buffer } = await readSome(descriptor, Buffer.alloc(1 << 16), 0, 1 << 16, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

async function textOf(descriptor: number): Promise<string> {
  const parts: Buffer[] = [];
  for await (const chunk of chunksOf(descriptor)) parts.push(chunk);
  return Buffer.concat(parts).toString();
}

/** Passes all on to a tool; gives its output. */
async function through(tool: ToolCommand, input: number, pipe: string, signal: AbortSignal): Promise<string> {
  const out = `${pipe}.out`;
  const copy = async (output: number) => {
    for await (const chunk of chunksOf(input)) await writeSome(output, chunk);
  };
  await feedTool(tool, pipe, copy, { signal, stdout: toFile(out) });
  return readFile(out, 'utf8');
}

test('what a program writes into its files is read as it comes, to the last byte', async () => {
  await using temp = await tempFolder();
  const [one, two] = ['one', 'two'].map((name) => join(temp.path, name)) as [string, string];
  const program = await script(temp.path, 'writer', `seq 100000 > ${one}; echo b > ${two}`);
  const [first, second] = await runIntoPipes(
    program,
    [one, two].map((path) => ({ path, read: textOf })),
  );
  expect(first?.split('\n')).toHaveLength(100_001);
  expect(second).toBe('b\n');
});

test('a program that never opens its files leaves the readers with nothing', async () => {
  await using temp = await tempFolder();
  const pipes = [{ path: join(temp.path, 'out'), read: textOf }];
  expect(await runIntoPipes({ argv: ['true'] }, pipes)).toEqual(['']);
});

test('a program that fails is blamed, and the readers hear of it', async () => {
  await using temp = await tempFolder();
  const path = join(temp.path, 'out');
  const program = await script(temp.path, 'broken', `echo half > ${path}; echo no luck >&2; exit 3`);
  let heard: unknown;
  const listen = async (descriptor: number, signal: AbortSignal) => {
    signal.addEventListener('abort', () => {
      heard = signal.reason;
    });
    return textOf(descriptor);
  };
  const error = await runIntoPipes(program, [{ path, read: listen }]).catch((reason) => reason);
  expect(error).toBeInstanceOf(ToolFailed);
  expect(error.run).toMatchObject({ exitCode: 3, stderrTail: ['no luck'] });
  expect(heard).toBe(error);
});

// The compressor dies, of a full disk for example: the program that writes to it must not take the blame, nor wait for ever.
test('a reader that fails ends the program and the other readers, and its error is thrown', async () => {
  await using temp = await tempFolder();
  const [one, two, pids] = ['one', 'two', 'pids'].map((name) => join(temp.path, name)) as [string, string, string];
  const program = await script(temp.path, 'endless', `echo $$ >> ${pids}; yes > ${one} & yes > ${two} & wait`);
  const deaf = await script(temp.path, 'deaf', 'head -c 100000 >/dev/null; echo the disk is full >&2; exit 1');
  const outcome = await runIntoPipes(program, [
    { path: one, read: (input, signal) => through(deaf, input, join(temp.path, 'to_deaf'), signal) },
    { path: two, read: textOf },
  ]).catch((reason) => reason);
  expect(outcome).toBeInstanceOf(ToolFailed);
  expect(outcome.run.stderrTail).toEqual(['the disk is full']);
  expect(living(pidsIn(pids))).toEqual([]);
});

test('a cancel ends the program and what its readers run', async () => {
  await using temp = await tempFolder();
  const [out, pids] = ['out', 'pids'].map((name) => join(temp.path, name)) as [string, string];
  const program = await script(temp.path, 'writer', `echo $$ >> ${pids}; yes > ${out}`);
  const slow = await script(temp.path, 'slow', `echo $$ >> ${pids}; cat >/dev/null; sleep 60`);
  const stop = new AbortController();
  const pass = (input: number, signal: AbortSignal) => through(slow, input, join(temp.path, 'to_slow'), signal);
  const run = runIntoPipes(program, [{ path: out, read: pass }], { signal: stop.signal }).catch((reason) => reason);
  await until(() => pidsIn(pids).length === 2);
  stop.abort(new Error('cancelled'));
  expect((await run).message).toBe('cancelled');
  expect(living(pidsIn(pids))).toEqual([]);
});

test('a tool is fed by what a writer writes, and the writer hears when it is gone', async () => {
  await using temp = await tempFolder();
  const [pipe, out] = ['pipe', 'out'].map((name) => join(temp.path, name)) as [string, string];
  const hello = async (descriptor: number) => {
    await writeSome(descriptor, Buffer.from('hello'));
    return 5;
  };
  expect(await feedTool({ argv: ['cat'] }, pipe, hello, { stdout: toFile(out) })).toBe(5);
  expect(await readFile(out, 'utf8')).toBe('hello');
  const endless = async (descriptor: number): Promise<never> => {
    for (;;) await writeSome(descriptor, Buffer.alloc(1 << 16));
  };
  const gone = feedTool({ argv: ['true'] }, pipe, endless, { stdout: toFile(out) });
  await expect(gone).rejects.toMatchObject({ code: 'EPIPE' });
  expect(await readdir(temp.path)).toEqual(['out']);
});

test('a writer that fails fails the feeding, and a tool that fails is blamed before its writer', async () => {
  await using temp = await tempFolder();
  const [pipe, out] = ['pipe', 'out'].map((name) => join(temp.path, name)) as [string, string];
  const broken = async () => {
    throw new Error('the writer broke');
  };
  await expect(feedTool({ argv: ['cat'] }, pipe, broken, { stdout: toFile(out) })).rejects.toThrow('the writer broke');
  const failing = feedTool({ argv: ['false'] }, pipe, broken, { stdout: toFile(out) });
  await expect(failing).rejects.toBeInstanceOf(ToolFailed);
  await expect(feedTool({ argv: ['no-such-tool'] }, pipe, broken, { stdout: toFile(out) })).rejects.toThrow(
    'no-such-tool',
  );
});
