import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ToolFailed } from '../../src/tools/errors.js';
import { runIntoPipes } from '../../src/tools/named_pipes.js';
import { feedTool, readChunks, toFile } from '../../src/tools/runner.js';
import { living, pidsIn, script, tempFolder, until } from './support.js';

async function textOf(chunks: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString();
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
  const read = async (chunks: AsyncIterable<Buffer>, signal: AbortSignal) => {
    signal.addEventListener('abort', () => {
      heard = signal.reason;
    });
    return textOf(chunks);
  };
  const error = await runIntoPipes(program, [{ path, read }]).catch((reason) => reason);
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
  const stdout = readChunks(textOf);
  const outcome = await runIntoPipes(program, [
    { path: one, read: async (chunks, signal) => (await feedTool(deaf, chunks, { signal, stdout })).output },
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
  const read = async (chunks: AsyncIterable<Buffer>, signal: AbortSignal) =>
    (await feedTool(slow, chunks, { signal, stdout: readChunks(textOf) })).output;
  const run = runIntoPipes(program, [{ path: out, read }], { signal: stop.signal }).catch((reason) => reason);
  await until(() => pidsIn(pids).length === 2);
  stop.abort(new Error('cancelled'));
  expect((await run).message).toBe('cancelled');
  expect(living(pidsIn(pids))).toEqual([]);
});

test('a source that fails fails the tool that it feeds, which saw only a part', async () => {
  await using temp = await tempFolder();
  async function* source() {
    yield Buffer.from('half');
    throw new Error('the source broke');
  }
  const out = join(temp.path, 'out');
  const fed = feedTool({ argv: ['cat'] }, source(), { stdout: toFile(out) }).catch((reason) => reason);
  expect((await fed).message).toBe('the source broke');
  expect(await readdir(temp.path)).toEqual(['out']);
});
