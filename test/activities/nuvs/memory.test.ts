import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createNuvsAssemblySteps } from '../../../src/activities/nuvs/assembly.js';
import { requireProgram } from '../../../src/tools/programs.js';
import { quietLogger } from '../../support/logger.js';
import { fastq, type NuvsLab, nuvsLab, testGenomes, tile } from '../../support/nuvs_lab.js';
import { script } from '../../tools/support.js';

// SPAdes needs some 300 MB for one thread and 400 for two, whatever the reads.
const LIMIT_KB = 350_000;
const PATH = process.env.PATH ?? '';
const GIB = 1024 ** 3;

let lab: NuvsLab;
let tools: string;
beforeAll(async () => {
  lab = await nuvsLab();
  tools = await mkdtemp(join(tmpdir(), 'nuvs-tools-'));
  const spades = requireProgram('spades.py');
  await script(tools, 'spades.py', `ulimit -v ${LIMIT_KB}; exec "${spades}" "$@"`);
  process.env.PATH = `${tools}${delimiter}${PATH}`;
});
afterAll(async () => {
  process.env.PATH = PATH;
  await lab?.dispose();
  await rm(tools, { recursive: true, force: true });
});

async function assemble(threads: number, availableBytes: number) {
  const job = await lab.newJob([fastq(tile(testGenomes().unknown, 'unknown', 900).reads)]);
  await job.runUntil('reunitePairs');
  const deps = { ...lab, log: quietLogger };
  const { assembleReads } = createNuvsAssemblySteps(deps, { availableMemory: () => availableBytes });
  const failure = await job.run(assembleReads, threads).then(
    () => undefined,
    (error: ApplicationFailure) => error.details?.[0],
  );
  const document = await lab.store.jobs.get(job.input.jobId);
  return { job, failure, notes: document?.notes };
}

const TIMEOUT_MS = 120_000;

test(
  'an assembly that runs out of memory is tried again with half the threads, and the job says so',
  async () => {
    const { job, failure, notes } = await assemble(2, 8 * GIB);
    expect(failure).toBeUndefined();
    const text = 'SPAdes ran out of memory with 2 threads; it is tried again with 1.';
    expect(notes).toEqual([{ stage: 'assemble', text, timestamp: expect.any(Date) }]);
    expect(await readFile(lab.data.jobLog(job.input.jobId), 'utf8')).toContain(text);
    expect(await readFile(join(job.folder, 'assembly.fa'), 'utf8')).toMatch(/^>NODE_1_length_2\d\d\d_/);
  },
  TIMEOUT_MS,
);

test(
  'an assembly is not tried again when the host has no memory for it',
  async () => {
    const { failure, notes } = await assemble(2, GIB / 2);
    expect(failure).toMatchObject({
      class: 'out_of_memory',
      tool: 'SPAdes',
      step: 'make_analysis_dir',
      advice: expect.stringContaining('memory'),
    });
    expect(notes).toBeUndefined();
  },
  TIMEOUT_MS,
);
