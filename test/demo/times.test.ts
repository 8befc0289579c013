import { expect, test } from 'vitest';
import { jobTimes } from '../../src/demo/times.js';

const entry = (state: 'waiting' | 'running' | 'complete', stage: string | null, second: string) => ({
  state,
  stage,
  progress: 0,
  error: null,
  timestamp: `2026-01-01T00:00:${second}Z`,
});

test('a step lasts until the next entry of the status list; waiting counts by itself', () => {
  const status = [
    entry('waiting', null, '00'),
    entry('running', 'unpack', '02.500000'),
    entry('running', 'bowtie_build', '03'),
    entry('complete', 'bowtie_build', '07.250000'),
  ];
  const job = { id: 'abcd1234', task: 'create_subtraction', args: {}, status };
  expect(jobTimes('Create the subtraction', job)).toEqual({
    title: 'Create the subtraction',
    kind: 'job',
    id: 'abcd1234',
    seconds: 7.25,
    waitedSeconds: 2.5,
    steps: [
      { name: 'unpack', seconds: 0.5 },
      { name: 'bowtie_build', seconds: 4.25 },
    ],
  });
});
