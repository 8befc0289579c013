import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TrimmedReads, type TrimmedReadsFigures, type TrimmedReadsRule } from '../../bio/trimmed_reads.js';
import { publishFile } from '../../files/publish.js';
import { LEGACY_COPIES, type PreparedReads } from '../analysis_files/inputs.js';
import { requireReads } from './left.js';
import type { SampleFacts } from './sample_facts.js';

const CHUNK_BYTES = 1 << 18;
const LINE_FEED = 10;

/** What the reads of a sample from before release 3.4 are prepared with. */
export type LegacyReads = {
  paths: readonly string[];
  folder: string;
  facts: SampleFacts;
  attempt: string;
  signal: AbortSignal;
};

/**
 * Counts reads that came trimmed, plain text. Where an aligner cannot take them as they are, changed copies lie in the analysis'
 * folder.
 *
 * @throws InvalidInput when there are none to look at.
 */
export async function passLegacyReads({ paths, folder, facts, attempt, signal }: LegacyReads): Promise<PreparedReads> {
  const { phredOffset, needNumbers } = facts;
  const pass = async (isNumbered: boolean) => {
    const isChanged = isNumbered || phredOffset === 64;
    const counted: TrimmedReadsFigures[] = [];
    const passed: string[] = [];
    for (const [index, path] of paths.entries()) {
      const copy = join(folder, LEGACY_COPIES[index] as string);
      counted.push(
        await passReads(path, isChanged ? copy : undefined, { phredOffset, isNumbered }, { attempt, signal }),
      );
      passed.push(isChanged ? copy : path);
    }
    return { counted, passed };
  };
  let { counted, passed } = await pass(needNumbers);
  const haveOneDigest = new Set(counted.map(({ namesDigest }) => namesDigest)).size === 1;
  if (!needNumbers && !haveOneDigest) ({ counted, passed } = await pass(true));
  const sum = (of: 'reads' | 'tooManyUnknown') => counted.reduce((all, figures) => all + figures[of], 0);
  const counts = { total: sum('reads'), left: sum('reads'), unknown: sum('tooManyUnknown') };
  requireReads(counts);
  return { paths: passed, cacheId: null, phredOffset, counts };
}

async function passReads(
  from: string,
  to: string | undefined,
  rule: TrimmedReadsRule,
  { attempt, signal }: { attempt: string; signal: AbortSignal },
): Promise<TrimmedReadsFigures> {
  const reads = new TrimmedReads(rule);
  const passed = async function* () {
    let last = LINE_FEED;
    for await (const chunk of createReadStream(from, { highWaterMark: CHUNK_BYTES, signal }) as AsyncIterable<Buffer>) {
      last = chunk.at(-1) ?? last;
      yield Buffer.from(reads.push(chunk));
    }
    if (last !== LINE_FEED) yield Buffer.from(reads.push(Buffer.from('\n')));
    yield reads.end();
  };
  if (to === undefined) {
    for await (const _ of passed()) signal.throwIfAborted();
    return reads.figures;
  }
  const partial = `${to}.${attempt}.partial`;
  await pipeline(Readable.from(passed()), createWriteStream(partial), { signal });
  await publishFile(partial, to);
  return reads.figures;
}
