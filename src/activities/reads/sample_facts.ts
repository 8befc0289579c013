import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readName } from '../../bio/fastq_records.js';
import { decidePhredOffset } from '../../bio/phred.js';
import { removePath } from '../../files/publish.js';
import { readReadLines } from '../../files/read_lines.js';
import { hasRawReads } from '../../store/samples/sample_files.js';
import type { ReadsFacts, SampleDocument } from '../../store/samples/samples.js';
import type { ActivityDeps } from '../deps.js';
import { InvalidInput } from '../errors.js';
import type { Step } from '../steps/step.js';
import { runThread } from '../threads.js';
import type { LookThreadData, LookThreadResult } from './look_thread.js';

/** Of the heap; names lie outside of it, or on the disk. */
const LOOK_GIB = 0.25;

/** What decides how the reads of a sample are handed to the tools. */
export type SampleFacts = {
  phredOffset: 33 | 64;
  /** Whether the names of reads cannot tell them apart, or keep mates apart. */
  needNumbers: boolean;
};

/**
 * How the qualities of a sample are written, and whether its reads have usable names. Samples of old releases do not say so: their files are
 * read once, and the sample keeps what was found.
 *
 * @throws InvalidInput when the files cannot be read.
 */
export async function sampleFacts(
  { store }: ActivityDeps,
  { signal, log, attempt }: Pick<Step<unknown>, 'signal' | 'log' | 'attempt'>,
  { sample, paths, folder }: { sample: SampleDocument; paths: readonly string[]; folder: string },
): Promise<SampleFacts> {
  let known: SampleDocument | null = sample;
  if (!sample.phred || sample.unique_names === undefined) {
    await mkdir(folder, { recursive: true });
    const found = await lookAtReads({ paths, namesPath: join(folder, `names.${attempt}.partial`) }, signal);
    log.line(`${found.phred.reason} ${found.unique_names ? 'No name occurs twice.' : 'Names occur twice.'}`);
    known = await store.samples.noteReads(sample._id, found);
  }
  if (!known?.phred) throw new InvalidInput('The sample was deleted meanwhile.', 'Choose another sample.');
  // What the sample says then is about other reads; the next attempt takes these.
  if (hasRawReads(known) !== hasRawReads(sample)) throw new Error('The reads of the sample were replaced meanwhile');
  const needNumbers = known.unique_names === false || !(await areFirstNamesEqual(paths, signal));
  return { phredOffset: known.phred.offset, needNumbers };
}

async function lookAtReads(
  data: LookThreadData,
  signal: AbortSignal,
): Promise<Pick<ReadsFacts, 'phred' | 'unique_names'>> {
  const options = { signal, memoryGib: LOOK_GIB };
  try {
    const result = await runThread<LookThreadResult>('#look-thread', 'looking at the reads', data, options);
    if ('problem' in result) throw new InvalidInput(result.problem.message, result.problem.advice);
    const phred = { ...decidePhredOffset(result.qualityCounts), decided_by: 'qualities' as const };
    return { phred, unique_names: result.areNamesUnique };
  } finally {
    await removePath(data.namesPath);
  }
}

/** Whether the first reads of all files have the same name. */
async function areFirstNamesEqual(paths: readonly string[], signal: AbortSignal): Promise<boolean> {
  const names = new Set<string | undefined>();
  for (const path of paths) names.add(await firstName(path, signal));
  return names.size <= 1;
}

async function firstName(path: string, signal: AbortSignal): Promise<string | undefined> {
  for await (const { lines } of readReadLines(path, signal)) {
    const [header] = lines;
    if (header !== undefined) return readName(header);
  }
  return undefined;
}
