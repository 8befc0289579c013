import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { createDisplay } from '../../../src/demo/screen/display.js';

const silent = () => undefined;

test('without a terminal there is one line for each step that ended, and no control characters', () => {
  const printed: string[] = [];
  const display = createDisplay({ write: () => expect.unreachable() }, (line) => printed.push(line));
  const build = display.begin('Build the index');
  const upload = display.begin('Upload');
  const sample = display.begin('Create the sample');
  build.progress(0.5, 'write_fasta');
  upload.failed();
  sample.stopped();
  build.done('job abcd1234');
  display.end();
  expect(printed).toEqual([
    expect.stringMatching(/^✗ Upload +\d+\.\d s {2}failed$/),
    expect.stringMatching(/^– Create the sample +\d+\.\d s {2}stopped$/),
    expect.stringMatching(/^✓ Build the index +\d+\.\d s {2}job abcd1234$/),
  ]);
});

test('on a terminal a bar never runs back and shows the running step', () => {
  let written = '';
  const terminal = { isTTY: true, columns: 100, write: (text: string) => (written += text) };
  const display = createDisplay(terminal, silent);
  const line = display.begin('Build the index');
  line.progress(0.5, 'bowtie_build');
  line.progress(0.25, null);
  display.end();
  const last = written.slice(written.lastIndexOf('\x1b[2K'));
  expect(last).toMatch(/Build the index +█{12}░{12} +50 % .*bowtie_build/);
});

test('a line is cut to the width of the terminal, so that redrawing hits the same lines', () => {
  let written = '';
  const terminal = { isTTY: true, columns: 30, write: (text: string) => (written += text) };
  const display = createDisplay(terminal, silent);
  display.begin('A step with a very long title that does not fit').progress(1, 'and_a_note');
  display.end();
  for (const line of written.split('\n')) {
    expect(stripVTControlCharacters(line).length).toBeLessThan(30);
  }
});

test('what ends after the display has ended is not shown', () => {
  const printed: string[] = [];
  const display = createDisplay({ write: silent }, (line) => printed.push(line));
  const line = display.begin('Create the subtraction');
  display.end();
  line.failed();
  expect(printed).toEqual([]);
});
