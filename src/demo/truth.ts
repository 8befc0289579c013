import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { TruthFile } from './client/schemas.js';
import type { KnownVirus, SampleTruth } from './report.js';

/** Reads what a sample is made of from its `NAME.truth.json`. */
export async function readTruth(path: string): Promise<SampleTruth> {
  const { name, count, components } = v.parse(TruthFile, JSON.parse(await readFile(path, 'utf8')));
  const viruses = (role: string): KnownVirus[] =>
    components
      .filter((component) => component.kind === 'otu' && component.role === role)
      .map(({ otu_name, abbreviation, isolate, isolate_name, reads, sequences }) => ({
        name: otu_name,
        abbreviation,
        isolateId: isolate,
        isolate: isolate_name,
        bases: sequences.reduce((sum, { length }) => sum + length, 0),
        reads,
      }));
  return { sample: name, reads: count, known: viruses('known'), hidden: viruses('unknown') };
}
