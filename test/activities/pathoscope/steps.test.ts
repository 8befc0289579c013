import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAnalysisControl, createPathoscopeSteps } from '../../../src/activities/pathoscope/steps.js';
import { quietLogger } from '../../support/logger.js';
import { fastq, type NuvsJob, type NuvsLab, nuvsLab, testGenomes, tile } from '../../support/nuvs_lab.js';
import { waitFor } from '../../support/wait.js';

let lab: NuvsLab;
beforeAll(async () => {
  lab = await nuvsLab({ hmms: false });
  await lab.store.indexBuilds.setSequenceOtuMap('index', { genome: 'otu' });
});
afterAll(() => lab?.dispose());

const genomes = testGenomes();
const steps = () => createPathoscopeSteps({ ...lab, log: quietLogger });

/** Files that nobody needs when the job is over. */
const PASSING = /partial|names|fastq|isolate_index|subtracted\.(records|json)|pathoscope\.json/;

const MAPPING = [
  'mapDefaultIsolates',
  'generateIsolateFasta',
  'buildIsolateIndex',
  'mapIsolates',
  'mapSubtraction',
  'subtractMapping',
  'reassignReads',
] as const;

async function runMapping(job: NuvsJob, reads: Buffer): Promise<void> {
  await job.run(steps().makeAnalysisDir);
  const path = join(job.folder, 'trimmed.fq.gz');
  await writeFile(path, reads);
  await writeFile(join(job.folder, 'reads.json'), JSON.stringify({ paths: [path], cacheId: null }));
  for (const name of MAPPING) await job.run(steps()[name]);
}

async function importResults(job: NuvsJob): Promise<void> {
  await job.run(steps().importPathoscopeResults);
  await job.run(steps().cleanupIndexes);
  await createAnalysisControl({ ...lab, log: quietLogger }).finishPathoscope({
    ...job.input,
    task: 'pathoscope_bowtie',
  });
}

describe('Pathoscope', { timeout: 60_000 }, () => {
  // A healthy plant is a result, and the most frequent one.
  test('a sample without any virus completes with empty results', async () => {
    const job = await lab.newJob([]);
    await runMapping(job, fastq(tile(genomes.host, 'host', 50).reads));
    await importResults(job);
    expect(await lab.store.analyses.get(job.args.analysis_id)).toMatchObject({
      ready: true,
      results: [],
      read_count: 0,
      subtracted_count: 0,
    });
    expect((await readdir(job.folder)).filter((name) => PASSING.test(name))).toEqual([]);
  });

  test('one update makes an analysis ready, with its results', async () => {
    const job = await lab.newJob([]);
    await runMapping(job, fastq(tile(genomes.host, 'host', 5).reads));
    type Updated = Partial<Record<'ready' | 'results' | 'read_count' | 'subtracted_count', unknown>>;
    const updates: Updated[] = [];
    const stream = lab.store.analyses.collection.watch([{ $match: { 'documentKey._id': job.args.analysis_id } }]);
    stream.on('change', (change) => {
      if (change.operationType === 'update') updates.push((change.updateDescription.updatedFields ?? {}) as Updated);
    });
    await new Promise((opened) => stream.once('init', opened).once('resumeTokenChanged', opened));
    await importResults(job);
    await waitFor(() => updates.some(({ ready }) => ready), 'the analysis to be ready');
    await stream.close();
    expect(updates.filter((update) => 'ready' in update || 'results' in update || 'read_count' in update)).toEqual([
      expect.objectContaining({ ready: true, results: [], read_count: 0, subtracted_count: 0 }),
    ]);
  });

  test('results that no document can hold lie in a file', async () => {
    const job = await lab.newJob([]);
    await job.run(steps().makeAnalysisDir);
    const hit = (number: number) => ({
      ...{ id: `seq${number}`, otu: { id: 'otu', version: 0 }, coverage: 1, depth: 1 },
      align: new Array<number>(400_000).fill(number),
    });
    const results = Array.from({ length: 6 }, (_, number) => hit(number));
    await writeFile(join(job.folder, 'pathoscope.json'), JSON.stringify({ read_count: 7, results }));
    await writeFile(join(job.folder, 'subtraction.json'), JSON.stringify({ subtracted_count: 3 }));
    await importResults(job);
    const analysis = await lab.store.analyses.get(job.args.analysis_id);
    expect(analysis).toMatchObject({ ready: true, results: 'file', read_count: 7, subtracted_count: 3 });
    const stored = JSON.parse(await readFile(join(job.folder, 'results.json'), 'utf8')) as typeof results;
    expect(stored.map(({ id, align }) => [id, align.length, align[399_999]])).toEqual(
      results.map(({ id }, number) => [id, 400_000, number]),
    );
  });
});
