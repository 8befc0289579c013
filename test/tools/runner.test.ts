import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { explain } from '../../src/tools/classify.js';
import { OutputTooLarge, ToolFailed, ToolMissing } from '../../src/tools/errors.js';
import { watchMemoryKills } from '../../src/tools/process/memory_kills.js';
import { collectText, eachLine, readChunks, readLines, runTool, toFile } from '../../src/tools/runner.js';
import { surroundTools } from '../../src/tools/surroundings.js';
import { script, tempFolder, until } from './support.js';

test('a run gives back its output, its exit code and its cost', async () => {
  await using folder = await tempFolder();
  const tool = await script(folder.path, 'busy', 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo done');
  const result = await runTool(tool, { stdout: collectText() });
  expect(result).toMatchObject({ output: 'done\n', exitCode: 0, signal: null, killed: undefined, stderrTail: [] });
  expect(result.wallSeconds).toBeGreaterThan(0);
  if (existsSync('/proc/self/stat')) {
    expect(result.cpuSeconds).toBeGreaterThan(0);
    expect(result.peakRssBytes).toBeGreaterThan(100_000);
  }
});

// Samples alone would miss what a short tool does, and the last part of a long one.
test('counts the CPU time of a tool and of what it starts to the end', async () => {
  if (!existsSync('/proc/self/stat')) return;
  await using folder = await tempFolder();
  const used = '(({ user, system }) => user + system)(process.cpuUsage())';
  const busy = `${process.execPath} -e 'while (${used} < 300000);'`;
  const tool = await script(folder.path, 'busy', `${busy}\n${busy}`);
  expect((await runTool(tool)).cpuSeconds).toBeGreaterThanOrEqual(0.6);
  const short = await script(folder.path, 'short', 'exit 0');
  expect((await runTool(short)).cpuSeconds).toBeLessThan(0.3);
  const both = await Promise.all([runTool(tool), runTool(tool)]);
  for (const { cpuSeconds } of both) expect(cpuSeconds).toBeLessThan(1.2);
});

test('a non-zero exit is a ToolFailed that carries the command, the code and the last lines of stderr', async () => {
  await using folder = await tempFolder();
  const tool = await script(folder.path, 'broken', 'for i in 1 2 3 4 5; do echo "line $i" >&2; done; exit 3');
  const error = await runTool(tool, { tailLines: 2 }).catch((e) => e);
  expect(error).toBeInstanceOf(ToolFailed);
  expect(error.message).toBe(`${tool.argv[0]} ended with code 3`);
  expect(error.run).toMatchObject({ command: tool.argv, exitCode: 3, signal: null, stderrTail: ['line 4', 'line 5'] });
  expect(error.run.freeDiskBytes).toBeGreaterThan(0);
});

test('a sign of failure on stderr fails a run that ends with 0', async () => {
  await using folder = await tempFolder();
  const tool = await script(folder.path, 'liar', 'echo fine >&2; echo "Failed to read" >&2; exit 0');
  const error = await runTool({ ...tool, isFailureLine: (line) => line.startsWith('Failed') }).catch((e) => e);
  expect(error).toBeInstanceOf(ToolFailed);
  expect(error.run).toMatchObject({ exitCode: 0, problem: 'Failed to read' });
});

// A laboratory's log of a thousand redrawn bars hides the line that matters.
test('the log gets the command and whole readable lines; progress bars go to the listener only', async () => {
  await using folder = await tempFolder();
  const text = String.raw`printf '\r 1%%\r 2%%\n'; printf '\033[31mred\033[0m caf\303'; sleep 0.05; printf '\251\r\nlast'`;
  const tool = await script(folder.path, 'chatty', `{ ${text}; } >&2`);
  const log: string[] = [];
  const seen: string[] = [];
  const result = await runTool(tool, {
    onStderr: (line) => seen.push(line),
    log: { command: (line) => log.push(`Command: ${line}`), line: (line, indent) => log.push(`${indent} ${line}`) },
  });
  expect(seen).toEqual(['', ' 1%', ' 2%', 'red café', 'last']);
  expect(log).toEqual([`Command: ${tool.argv[0]}`, '1  2%', '1 red café', '1 last']);
  expect(result.stderrTail).toEqual([' 2%', 'red café', 'last']);
});

test('a program that is not installed is a ToolMissing with advice', async () => {
  const error = await runTool({ argv: ['no-such-aligner', '-x'] }).catch((e) => e);
  expect(error).toBeInstanceOf(ToolMissing);
  expect(error).toMatchObject({ program: 'no-such-aligner', advice: expect.stringContaining('PATH') });
});

test('a script whose interpreter is not installed is a ToolMissing too', async () => {
  await using folder = await tempFolder();
  const tool = await script(folder.path, 'orphan', '');
  await writeFile(tool.argv[0], '#!/no/such/interpreter\n');
  const error = await runTool(tool).catch((e) => e);
  expect(error).toBeInstanceOf(ToolMissing);
});

test('a working folder that does not exist is named', async () => {
  await expect(runTool({ argv: ['true'] }, { cwd: '/no/such/folder' })).rejects.toThrow('/no/such/folder');
});

test('arguments reach the tool as they are, whatever a shell would make of them', async () => {
  const odd = ['$(touch x)', '"; exit 1', '*', 'two  blanks', '', '-n'];
  const result = await runTool({ argv: ['printf', '[%s]', ...odd] }, { stdout: collectText() });
  expect(result.output).toBe(odd.map((text) => `[${text}]`).join(''));
});

test('tools do not see the settings and secrets of the server, and speak the C locale', async () => {
  process.env.VT_DB_CONNECTION_STRING = 'mongodb://user:secret@host';
  try {
    const result = await runTool({ argv: ['env'], env: { EXTRA: '1' } }, { stdout: collectText() });
    expect(result.output).not.toContain('secret');
    expect(result.output).toMatch(/^EXTRA=1$/m);
    expect(result.output).toMatch(/^LANG=C$/m);
  } finally {
    delete process.env.VT_DB_CONNECTION_STRING;
  }
});

test('stdout can go straight into a file', async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, 'out.txt');
  await runTool({ argv: ['echo', 'hello'] }, { stdout: toFile(path) });
  expect(await readFile(path, 'utf8')).toBe('hello\n');
});

test('line batches lose and change nothing, wherever the chunks are cut', async () => {
  await using folder = await tempFolder();
  const tool = await script(
    folder.path,
    'cut',
    String.raw`printf 'a\tb\r\n\nna\303'; sleep 0.05; printf '\257ve\nend'`,
  );
  const lines: string[] = [];
  await runTool(tool, { stdout: eachLine((line) => lines.push(line)) });
  expect(lines).toEqual(['a\tb\r', '', 'naïve', 'end']);
  const bytes = await runTool(tool, {
    stdout: readLines(async (batches) => {
      const all: string[] = [];
      for await (const batch of batches) all.push(...batch);
      return Buffer.from(all.join('\n'), 'latin1').toString('utf8');
    }, 'latin1'),
  });
  expect(bytes.output).toBe('a\tb\r\n\nnaïve\nend');
});

// A SAM stream is larger than memory: the aligner has to wait for a slow reader.
test('a tool waits while the consumer of its output is busy', async () => {
  await using folder = await tempFolder();
  const tool = await script(folder.path, 'flood', 'echo $$ > pid; exec head -c 30000000 /dev/zero');
  const result = await runTool(tool, {
    cwd: folder.path,
    stdout: readChunks(async (chunks) => {
      let size = 0;
      for await (const chunk of chunks) {
        if (size === 0) {
          const pid = (await readFile(join(folder.path, 'pid'), 'utf8')).trim();
          await untilAsleep(pid);
          const written = /^wchar: (\d+)/m.exec(await readFile(`/proc/${pid}/io`, 'utf8'));
          expect(Number(written?.[1])).toBeLessThan(5_000_000);
        }
        size += chunk.length;
      }
      return size;
    }),
  });
  expect(result.output).toBe(30_000_000);
});

async function untilAsleep(pid: string): Promise<void> {
  await until(() => / S /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')));
}

test('an error of the consumer ends the tool and comes out unchanged', async () => {
  const error = new Error('line 7 is not SAM');
  const stdout = readChunks(async (chunks) => {
    for await (const chunk of chunks) if (chunk.length > 0) throw error;
  });
  await expect(runTool({ argv: ['yes'] }, { stdout })).rejects.toBe(error);
});

test('a consumer that stops before the end does not leave the tool hanging', async () => {
  const stdout = readChunks(async (chunks) => {
    for await (const chunk of chunks) if (chunk.length > 0) return 'enough';
    return 'nothing';
  });
  const failed = await runTool({ argv: ['yes'] }, { stdout }).catch((e) => e);
  expect(failed).toBeInstanceOf(ToolFailed);
});

test('output above the limit ends the tool', async () => {
  await expect(runTool({ argv: ['yes'] }, { stdout: collectText(1000) })).rejects.toBeInstanceOf(OutputTooLarge);
});

const KILLS = [
  'kill -KILL $$',
  'kill -TERM $$',
  "sh -c 'kill -KILL $$'; exit $?",
  'echo "(ERR): x died with signal 9 (KILL)" >&2; exit 1',
  'echo "finished abnormally, OS return value: -9" >&2; exit 1',
  'exit 247',
];

test.each(KILLS)('a tool that somebody kills was killed from outside, also below a wrapper: %s', async (text) => {
  await using folder = await tempFolder();
  const error = await runTool(await script(folder.path, 'killed', text)).catch((e) => e);
  expect(error.run.killed).toBe('outside');
  expect(explain(error)).toMatchObject({ class: 'tool_failed', isPassing: true });
});

test('a tool that is killed after it took more memory than was granted was killed for memory', async () => {
  await using folder = await tempFolder();
  const tool = await script(
    folder.path,
    'greedy',
    'x=$(head -c 9000000 /dev/zero | tr "\\0" x); sleep 0.1; kill -9 $$',
  );
  const run = async (memoryBytes: number) =>
    (await surroundTools({ memoryBytes }, () => runTool(tool)).catch((e) => e)).run.killed;
  expect([await run(5e6), await run(1e9)]).toEqual(['memory', 'outside']);
});

const LIMITED = '/sys/fs/cgroup/memory/virtool-test';

/** A control group of 16 MB for its members; undefined where none can be made, or where the kernel counts kills by group. */
function smallGroup(): Disposable | undefined {
  try {
    mkdirSync(LIMITED);
    writeFileSync(`${LIMITED}/memory.limit_in_bytes`, '16000000');
    return { [Symbol.dispose]: () => rmdirSync(LIMITED) };
  } catch {
    return undefined;
  }
}

test('a tool that the kernel kills for want of memory is out of memory', async (context) => {
  using group = smallGroup();
  if (!group) context.skip('control groups of version 1 cannot be made here');
  await using folder = await tempFolder();
  const tool = await script(folder.path, 'fat', `echo $$ > ${LIMITED}/cgroup.procs; tail /dev/zero; exit $?`);
  const error = await runTool(tool).catch((e) => e);
  expect(error.run.killed).toBe('memory');
  expect(explain(error)).toMatchObject({ class: 'out_of_memory', isPassing: false });
});

test('kills of the own control group count, not those of others on the machine', async () => {
  await using folder = await tempFolder();
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder.path, path)), { recursive: true });
    writeFileSync(join(folder.path, path), text);
  };
  write('proc/self/cgroup', '0::/system.slice/virtool.service\n');
  write('proc/vmstat', 'oom_kill 7\n');
  const withoutGroup = watchMemoryKills(folder.path);
  write('proc/vmstat', 'oom_kill 8\n');
  expect(withoutGroup()).toBe(true);
  const events = 'sys/fs/cgroup/system.slice/virtool.service/memory.events';
  write(events, 'low 0\noom 3\noom_kill 2\noom_group_kill 0\n');
  const withGroup = watchMemoryKills(folder.path);
  write('proc/vmstat', 'oom_kill 9\n');
  expect(withGroup()).toBe(false);
  write(events, 'oom_kill 3\n');
  expect(withGroup()).toBe(true);
  expect(watchMemoryKills('/no/such/root')()).toBeUndefined();
});

test('the share of the input that a tool has read is told while it runs, and a closed file counts as read', async () => {
  await using folder = await tempFolder();
  const input = join(folder.path, 'input');
  await runTool({ argv: ['head', '-c', '1000', '/dev/zero'] }, { stdout: toFile(input) });
  const tool = await script(
    folder.path,
    'reader',
    `exec 4<input; dd bs=250 count=1 <&4 >/dev/null 2>&1; while [ ! -e 0.25 ]; do sleep 0.01; done
     exec 4<&-; while [ ! -e 1 ]; do sleep 0.01; done`,
  );
  const fractions: number[] = [];
  const onFraction = (fraction: number) => {
    fractions.push(fraction);
    writeFileSync(join(folder.path, String(fraction)), '');
  };
  const signal = AbortSignal.timeout(15_000);
  await runTool(tool, { cwd: folder.path, signal, inputs: { paths: [input], onFraction } });
  expect(fractions).toEqual([0.25, 1]);
});

// Node discards what a child has written when it ends before anybody reads: a host genome of a few lines came out empty.
test('nothing is lost of a tool that ends before its output is read', async () => {
  const late = readChunks(async (chunks) => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    let text = '';
    for await (const chunk of chunks) text += chunk.toString();
    return text;
  });
  const { output } = await runTool({ argv: ['echo', 'all of it'] }, { stdout: late });
  expect(output).toBe('all of it\n');
});
