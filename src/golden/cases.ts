import * as v from 'valibot';
import { createCandidateReferences, isAccepted, parseSamLine } from '../bio/sam.js';
import { formatVtaLine } from '../bio/vta.js';
import { reasonOf } from './errors.js';
import type { VectorFolder } from './folder.js';
import { pathoscopeDocuments, subtract } from './pathoscope.js';

const Numbers = v.record(v.string(), v.number());
const Names = v.record(v.string(), v.string());
const Scores = v.array(v.object({ line: v.string() }));
const Subtraction = v.object({ host_scores: Numbers, text_before: v.string() });

/** A case of Pathoscope: all its documents, from the VTA and, where they are there, from the aligner's outputs. */
export async function writePathoscope(folder: VectorFolder): Promise<void> {
  const vta = 'input.vta';
  const lines = await folder.lines(vta);
  const optional = async <T>(file: string, schema: v.GenericSchema<unknown, T>) =>
    folder.has(file) ? folder.json(file, schema) : undefined;
  const otus = await optional('sequence_otu_map.json', Names);
  const documents = pathoscopeDocuments({
    lines,
    hostScores: await optional('host_scores.json', Numbers),
    lengths: await folder.json('ref_lengths.json', Numbers),
    otus,
  });
  const { expected } = documents;
  const candidates = folder.has('default_isolates.sam') ? await candidatesOf(folder, otus) : undefined;
  await folder.writeJson('expected.json', {
    ...expected,
    ...(candidates ? { pipeline: candidates } : {}),
    ...(folder.has('input.sam') ? { sam: { file: 'input.sam', scores: await scoresOf(folder, 'input.sam') } } : {}),
  });
  // Of nothing there are no details; the original gave up there.
  if (expected.matrix.read_count > 0) {
    await folder.writeJson('details.json', documents.details, vta);
    await folder.write('report.tsv', documents.report);
    await folder.write('reassigned.vta', documents.reassigned, vta);
  }
  if (folder.has('isolates.sam')) await writeVta(folder);
  if (folder.has('subtraction.sam')) await writeHostScores(folder);
}

/** `scores.json`: the p-score of each SAM line. */
export async function writeScores(folder: VectorFolder, file: string): Promise<void> {
  const documents = (await folder.json(file, Scores)).map(({ line }) => {
    try {
      return { line, score: parseSamLine(line)?.score ?? null };
    } catch (error) {
      return { line, error: { type: 'ValueError', args: [reasonOf(error)] } };
    }
  });
  await folder.writeJson(file, documents, file);
}

/** `subtraction.json`: what a host leaves of a mapping. */
export async function writeSubtraction(folder: VectorFolder, file: string): Promise<void> {
  const { host_scores, text_before } = await folder.json(file, Subtraction);
  const { text, document } = subtract(text_before.split('\n').slice(0, -1), host_scores);
  await folder.writeJson(file, { host_scores, ...document, text_before, text_after: text }, file);
}

async function candidatesOf(folder: VectorFolder, otus: Readonly<Record<string, string>> | undefined) {
  const candidates = createCandidateReferences();
  for (const line of await folder.lines('default_isolates.sam')) candidates.addSamLine(line);
  const sequences = candidates.sorted();
  if (!otus) return { candidate_sequences: sequences };
  const candidate_otus = [...new Set(sequences.map((sequence) => otus[sequence]))].sort();
  return { candidate_sequences: sequences, candidate_otus };
}

async function scoresOf(folder: VectorFolder, file: string): Promise<number[]> {
  return (await folder.lines(file)).flatMap((line) => parseSamLine(line)?.score ?? []);
}

async function writeVta(folder: VectorFolder): Promise<void> {
  const alignments = (await folder.lines('isolates.sam')).flatMap((line) => parseSamLine(line) ?? []);
  await folder.write('input.vta', alignments.filter(isAccepted).map(formatVtaLine).join(''), 'input.vta');
}

/** Of several lines of a read the last counts. */
async function writeHostScores(folder: VectorFolder): Promise<void> {
  const scores = new Map<string, number>();
  for (const line of await folder.lines('subtraction.sam')) {
    const alignment = parseSamLine(line);
    if (alignment) scores.set(alignment.read, alignment.score);
  }
  await folder.writeJson('host_scores.json', Object.fromEntries(scores), 'subtraction.sam');
}
