import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { AnalysisAnswer } from '../../src/demo/schemas.js';

const RECORDING = join(import.meta.dirname, '../conformance/recording/walk.json');
const EXPECTED = join(import.meta.dirname, 'single_small.expected.json');

/** Folder with the demo's data. */
export const DATA = join(import.meta.dirname, '../../demo');

/** The analysis of the demo's sample as release 3.7.3 answered it. */
export function recordedAnalysis(): AnalysisAnswer {
  const { steps } = JSON.parse(readFileSync(RECORDING, 'utf8')) as {
    steps: { n: number; expect: { body: unknown } }[];
  };
  const step = steps.find(({ n }) => n === 624);
  return v.parse(AnalysisAnswer, { id: 'recorded', ...(step?.expect.body as object) });
}

/** What the bare tools find in the demo's sample, one entry per sequence. */
export function expectedSequences(): {
  accession: string;
  isolate: string;
  isolate_name: string;
  otu_name: string;
  pi: number;
  reads: number;
  coverage: number;
  depth: number;
}[] {
  return JSON.parse(readFileSync(EXPECTED, 'utf8')).pathoscope.results;
}
