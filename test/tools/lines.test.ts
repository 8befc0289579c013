import { expect, test } from 'vitest';
import { LineReader, Tail } from '../../src/tools/process/lines.js';

// A pipe cuts text where it likes; a log must not show where.
test('lines are the same wherever the text is cut', () => {
  const bytes = Buffer.from('one\r\ntwo\r 10%\r 20%\nüber\n\nlast');
  const whole = new LineReader();
  const expected = [...whole.push(bytes), ...whole.end()];
  expect(expected).toEqual([
    { text: 'one', transient: false },
    { text: 'two', transient: true },
    { text: ' 10%', transient: true },
    { text: ' 20%', transient: false },
    { text: 'über', transient: false },
    { text: '', transient: false },
    { text: 'last', transient: false },
  ]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const reader = new LineReader();
    const lines = [...reader.push(bytes.subarray(0, cut)), ...reader.push(bytes.subarray(cut)), ...reader.end()];
    expect(lines, `cut at ${cut}`).toEqual(expected);
  }
});

test('output without line ends does not fill the memory', () => {
  const reader = new LineReader();
  const lines = reader.push(Buffer.alloc(1_000_000, 'x'));
  expect(lines.length).toBeGreaterThan(10);
  expect(lines.map((line) => line.text).join('').length).toBeGreaterThan(900_000);
});

test('a tail keeps the last lines and cuts very long ones', () => {
  const tail = new Tail(2);
  for (const line of ['a', 'b', 'x'.repeat(5000)]) tail.push(line);
  expect(tail.toArray()).toEqual(['b', `${'x'.repeat(1000)}…`]);
});
