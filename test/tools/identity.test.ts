import { createHash } from 'node:crypto';
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ToolMissing } from '../../src/tools/errors.js';
import { identifyProgram } from '../../src/tools/identity.js';
import { observeTools } from '../../src/tools/observer.js';
import { runTool } from '../../src/tools/runner.js';
import { script, tempFolder } from './support.js';

test('a program is known by its version, and by the checksums of all files that do its work', async () => {
  const bowtie2 = await identifyProgram('bowtie2');
  expect(bowtie2).toMatchObject({ program: 'bowtie2', version: expect.stringMatching(/^2\.\d/) });
  expect(Object.keys(bowtie2.files)).toEqual(expect.arrayContaining(['bowtie2', 'bowtie2-align-s', 'bowtie2-align-l']));
  expect(Object.keys((await identifyProgram('spades.py')).files)).toEqual(
    expect.arrayContaining(['spades-core', 'spades-hammer']),
  );
  expect(await identifyProgram('bowtie2')).toEqual(bowtie2);
});

test('one that is exchanged is another one', async () => {
  await using folder = await tempFolder();
  const { argv } = await script(folder.path, 'tool', 'exit 0');
  const first = await identifyProgram(argv[0]);
  expect(first).toMatchObject({ program: 'tool', version: null });
  const content = '#!/bin/sh\nexit 1\n';
  writeFileSync(argv[0], content);
  utimesSync(argv[0], 1_000, 1_000);
  const second = await identifyProgram(argv[0]);
  expect(second.files).toEqual({ tool: createHash('sha256').update(content).digest('hex') });
  expect(second.sha256).not.toBe(first.sha256);
});

test('one that is not there is missing', async () => {
  await expect(identifyProgram('no-such-tool')).rejects.toBeInstanceOf(ToolMissing);
});

test('whoever observes tools hears of every run in the work, also of one that fails; questions for a version are not listed', async () => {
  await using folder = await tempFolder();
  const good = await script(folder.path, 'good', 'exit 0');
  const bad = await script(folder.path, 'bad', 'exit 3');
  const seen: [string, number | null][] = [];
  const work = async () => {
    await runTool(good);
    await identifyProgram('pigz');
    await Promise.all([runTool(good), runTool(bad).catch(() => undefined)]);
  };
  let unlisted = 0;
  await observeTools((run, isListed) => {
    if (isListed) seen.push([String(run.command[0]), run.exitCode]);
    else unlisted += 1;
  }, work);
  expect(unlisted).toBe(1);
  await runTool(good);
  const name = (tool: string) => join(folder.path, tool);
  expect(seen.sort()).toEqual([
    [name('bad'), 3],
    [name('good'), 0],
    [name('good'), 0],
  ]);
});
