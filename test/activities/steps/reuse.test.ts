import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createStep } from '../../../src/activities/steps/step.js';
import type { AnalysisDocument } from '../../../src/store/analyses.js';
import type { StepRecord } from '../../../src/store/provenance.js';
import { requireProgram } from '../../../src/tools/programs.js';
import { quietLogger } from '../../support/logger.js';
import { fastq, type NuvsJob, type NuvsLab, nuvsLab, randomBases, testGenomes, tile } from '../../support/nuvs_lab.js';

const LONG_STEPS = ['eliminate_otus', 'eliminate_subtraction', 'reunite_pairs', 'assemble', 'vfam'];

let lab: NuvsLab;
let former: NuvsJob;
let formerAnalysis: AnalysisDocument;
beforeAll(async () => {
  lab = await nuvsLab();
  const genomes = testGenomes();
  const host = tile(genomes.host, 'host', 100);
  const unknown = tile(genomes.unknown, 'unknown', 900);
  former = await lab.newJob([fastq([...host.reads, ...unknown.reads]), fastq([...host.mates, ...unknown.mates])]);
  await former.runAll();
  formerAnalysis = await analysisOf(former);
}, 120_000);
afterAll(() => lab?.dispose());

async function analysisOf({ args }: NuvsJob): Promise<AnalysisDocument> {
  const analysis = await lab.store.analyses.get(args.analysis_id);
  if (!analysis) throw new Error('no analysis');
  return analysis;
}

async function notesOf({ input }: NuvsJob): Promise<Record<string, string>> {
  const notes = (await lab.store.jobs.get(input.jobId))?.notes ?? [];
  return Object.fromEntries(notes.map(({ stage, text }) => [stage, text]));
}

const stepsOf = ({ provenance }: AnalysisDocument): Record<string, StepRecord> => provenance?.steps ?? {};
const reusedNote = (step: string) => `Reused from analysis ${former.args.analysis_id}, step ${step}`;
const programsOf = (record: StepRecord | undefined) => record?.programs.map(({ program }) => program).sort();

describe('provenance', () => {
  test('tells the programs of each step, their arguments without paths of this machine, and what they took', () => {
    const { assemble, vfam, process_fasta } = stepsOf(formerAnalysis);
    expect(programsOf(assemble)).toEqual(['spades.py']);
    expect(programsOf(vfam)).toContain('hmmsearch');
    const [spades] = assemble?.programs ?? [];
    expect(spades).toMatchObject({
      version: expect.stringMatching(/^3\.|^4\./),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const folder = `samples/${former.args.sample_id}/analysis/${former.args.analysis_id}`;
    expect(spades?.runs[0]?.arguments).toContain(`${folder}/unmapped_1.fq`);
    expect(JSON.stringify(formerAnalysis.provenance)).not.toContain(lab.data.root);
    expect(assemble).toMatchObject({ attempt: 1, threads: 2, memory_gib: 2 });
    for (const value of [assemble?.seconds, assemble?.cpu_seconds, assemble?.server_cpu_seconds]) {
      expect(value).toBeGreaterThan(0);
    }
    expect(assemble?.peak_memory_bytes).toBeGreaterThan(1e6);
    expect(process_fasta).toMatchObject({ programs: [], cpu_seconds: 0, peak_memory_bytes: 0 });
    expect(assemble).not.toHaveProperty('failed_attempts');
    expect(formerAnalysis.provenance).not.toHaveProperty('trying');
  });

  test('tells the attempt that made the result, and what those before it cost, on whichever host', async () => {
    const job = await lab.rerun(former);
    const attempt = (body: () => Promise<void>, number: number) =>
      job.run(createStep({ ...lab, log: quietLogger })(body), 2, 'process_fasta', number);
    const failing = async () => {
      execFileSync('sleep', ['0.05']);
      throw new Error('the disk is gone');
    };
    await expect(attempt(failing, 1)).rejects.toThrow('the disk is gone');
    await expect(attempt(failing, 2)).rejects.toThrow('the disk is gone');
    expect(stepsOf(await analysisOf(job))).toEqual({});
    // The worker dies in the third attempt.
    const { trying } = (await analysisOf(job)).provenance ?? {};
    if (trying) await lab.store.provenance.beginAttempt(job.args.analysis_id, { ...trying, begun: 3 });
    // On another host Temporal counts from 1 again.
    await attempt(async () => undefined, 1);
    const { process_fasta } = stepsOf(await analysisOf(job));
    expect(process_fasta).toMatchObject({ attempt: 4, failed_attempts: [{ attempt: 1 }, { attempt: 2 }] });
    expect(process_fasta?.failed_attempts?.[0]).toEqual({
      finished_at: expect.any(Date),
      attempt: 1,
      seconds: expect.any(Number),
      cpu_seconds: 0,
      peak_memory_bytes: 0,
      server_cpu_seconds: expect.any(Number),
    });
    for (const failed of process_fasta?.failed_attempts ?? []) expect(failed.seconds).toBeGreaterThanOrEqual(0.05);
    expect((await analysisOf(job)).provenance).not.toHaveProperty('trying');
  });
});

// Or a rerun would take over half a result, when somebody has a step leave another file and forgets the plan.
test('a step that leaves files which the plan of reruns does not know is not reused', async () => {
  const job = await lab.rerun(former);
  await job.runUntil('eliminateOtus');
  const step = createStep({ ...lab, log: quietLogger })(async () => {
    for (const name of ['hmm.tsv', 'unknown.txt']) await writeFile(join(job.folder, name), name);
  });
  await rm(join(job.folder, 'reused'), { recursive: true });
  await job.run(step, 1, 'vfam');
  expect(stepsOf(await analysisOf(job)).vfam).toMatchObject({ programs: [] });
  expect(stepsOf(await analysisOf(job)).vfam).not.toHaveProperty('key');
});

describe('a rerun', { timeout: 120_000 }, () => {
  test('runs no long step again when nothing has changed, and finds the same', async () => {
    const job = await lab.rerun(former);
    await job.runAll(1);
    expect(await notesOf(job)).toEqual(Object.fromEntries(LONG_STEPS.map((step) => [step, reusedNote(step)])));
    const analysis = await analysisOf(job);
    for (const step of LONG_STEPS) {
      expect(stepsOf(analysis)[step]).toMatchObject({
        programs: [],
        reused: { analysis: former.args.analysis_id, step },
      });
    }
    expect(analysis.results).toEqual(formerAnalysis.results);
    expect(analysis.results).not.toEqual([]);
    for (const name of ['assembly.fa', 'hmm.tsv']) {
      expect(await readFile(join(job.folder, name))).toEqual(await readFile(join(former.folder, name)));
    }
    expect((await readdir(job.folder)).sort()).toEqual((await readdir(former.folder)).sort());
  });

  // Its files are its own from the first step on.
  test('does not mind that the former analysis is removed meanwhile, and can be repeated itself', async () => {
    const middle = await lab.rerun(former);
    await middle.runAll();
    const job = await lab.rerun(middle);
    await job.runUntil('eliminateOtus');
    await lab.store.analyses.remove(middle.args.analysis_id);
    rmSync(middle.folder, { recursive: true });
    await job.continueAfter('eliminateOtus');
    expect(Object.values(await notesOf(job)).every((note) => note.startsWith('Reused from'))).toBe(true);
    expect((await analysisOf(job)).results).toEqual(formerAnalysis.results);
  });

  test('runs everything again when the former analysis is gone before it begins', async () => {
    const gone = await lab.rerun(former);
    await lab.store.analyses.remove(gone.args.analysis_id);
    const job = await lab.rerun(gone);
    await job.runUntil('eliminateOtus');
    const text = `Rerun because analysis ${gone.args.analysis_id} has no record of this step`;
    expect(await notesOf(job)).toEqual({ eliminate_otus: text });
    expect(programsOf(stepsOf(await analysisOf(job)).eliminate_otus)).toEqual(['bowtie2']);
  });

  test('with another index eliminates again, and reuses the assembly of the same left reads', async () => {
    await lab.addIndex('newer', [testGenomes().known, randomBases(800, 11)]);
    const job = await lab.rerun(former, 'newer');
    await job.runAll();
    expect(await notesOf(job)).toEqual({
      eliminate_otus: 'Rerun because the index of the reference is another one',
      eliminate_subtraction: 'Rerun because earlier steps have left another unmapped_otus.fq',
      ...Object.fromEntries(LONG_STEPS.slice(2).map((step) => [step, reusedNote(step)])),
    });
    expect((await analysisOf(job)).results).toEqual(formerAnalysis.results);
  });

  test('runs a step again when its program is another build, with the reads that earlier ones left', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'virtool-path-'));
    const path = process.env.PATH;
    try {
      const spades = join(folder, 'spades.py');
      writeFileSync(spades, `#!/bin/sh\nexec ${requireProgram('spades.py')} "$@"\n`);
      chmodSync(spades, 0o755);
      process.env.PATH = `${folder}:${path}`;
      const job = await lab.rerun(former);
      await job.runAll();
      const { version } = stepsOf(formerAnalysis).assemble?.programs[0] ?? {};
      const reason = `spades.py ${version} is another build`;
      const notes = await notesOf(job);
      expect(notes).toEqual({
        eliminate_otus: reusedNote('eliminate_otus'),
        eliminate_subtraction: reusedNote('eliminate_subtraction'),
        reunite_pairs: `Rerun because assemble needs the result: ${reason}`,
        assemble: `Rerun because ${reason}`,
        vfam: reusedNote('vfam'),
      });
      expect((await analysisOf(job)).results).toEqual(formerAnalysis.results);
    } finally {
      process.env.PATH = path;
      rmSync(folder, { recursive: true });
    }
  });

  test('eliminates again when the assembly is to run again and the left reads were not kept', async () => {
    const names = ['unmapped_hosts.fq', 'assembly.fa'];
    for (const name of names) renameSync(join(former.folder, name), join(former.folder, `${name}.away`));
    const job = await lab.rerun(former);
    await job.runUntil('eliminateSubtraction');
    for (const name of names) renameSync(join(former.folder, `${name}.away`), join(former.folder, name));
    const reason = `assemble needs the result: assembly.fa of analysis ${former.args.analysis_id} is gone or damaged`;
    const notes = await notesOf(job);
    expect(Object.entries(notes)).toEqual(
      ['eliminate_otus', 'eliminate_subtraction'].map((step) => [step, `Rerun because ${reason}`]),
    );
    const left = 'unmapped_hosts.fq';
    expect(readFileSync(join(job.folder, left))).toEqual(readFileSync(join(former.folder, left)));
  });

  test('takes over no file that is not what it was', async () => {
    const table = join(former.folder, 'hmm.tsv');
    const content = readFileSync(table);
    await writeFile(table, 'damaged');
    const job = await lab.rerun(former);
    await job.runAll();
    await writeFile(table, content);
    const notes = await notesOf(job);
    expect(notes.vfam).toBe(`Rerun because hmm.tsv of analysis ${former.args.analysis_id} is gone or damaged`);
    expect(notes.assemble).toBe(reusedNote('assemble'));
    expect((await analysisOf(job)).results).toEqual(formerAnalysis.results);
  });
});
