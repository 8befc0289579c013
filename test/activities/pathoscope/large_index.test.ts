import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBuildIndexControl } from '../../../src/activities/jobs/build_index.js';
import { createDeleteReferenceActivities } from '../../../src/activities/references/delete.js';
import { randomId } from '../../../src/store/database/ids.js';
import type { IndexDocument } from '../../../src/store/indexes/index_builds.js';
import { newProcess } from '../../../src/store/processes.js';
import { quietLogger } from '../../support/logger.js';
import { type PathoscopeLab, pathoscopeLab } from '../../support/pathoscope_lab.js';
import { runActivity } from '../../support/processes.js';
import { editOtu } from '../../support/references.js';
import { dataFile } from '../../tools/support.js';

const LIMIT = { timeout: 120_000 };
const cost = { proc: 1, mem: 1 };

let lab: PathoscopeLab;
let index: IndexDocument;
beforeAll(async () => {
  lab = await pathoscopeLab({ largestInDocument: 0 });
  index = (await lab.store.indexBuilds.collection.findOne()) as IndexDocument;
}, LIMIT.timeout);
afterAll(() => lab?.dispose());

const deps = () => ({ ...lab, log: quietLogger });
const referenceFolder = () => lab.data.reference(index.reference.id);

test('an analysis finds the same with an index whose manifest and map lie in files', LIMIT, async () => {
  const reads = [await readFile(dataFile('reports/reads_tmv_pvy.fq.gz'))];
  expect(index).toMatchObject({ manifest: 'file', sequence_otu_map: 'file' });
  const inFiles = await lab.newJob(await lab.addSample(reads));
  await inFiles.runAll();
  const found = await inFiles.found();
  expect(Object.keys(found)).toEqual(expect.arrayContaining(['Tobacco mosaic virus', 'Potato virus Y']));
  const recorded = async (analysisId: string) => (await lab.store.analyses.get(analysisId))?.provenance?.inputs?.index;

  const manifest = await lab.store.indexBuilds.manifestOf(index);
  const sequence_otu_map = (await lab.store.indexBuilds.sequenceOtuMapOf(index)) ?? 'file';
  await lab.store.indexBuilds.collection.updateOne({ _id: index._id }, { $set: { manifest, sequence_otu_map } });
  const inDocument = await lab.newJob(await lab.addSample(reads));
  await inDocument.runAll();
  expect(await inDocument.found()).toEqual(found);
  expect(await recorded(inFiles.args.analysis_id)).toEqual(await recorded(inDocument.args.analysis_id));
  await lab.store.indexBuilds.collection.replaceOne({ _id: index._id }, index);
});

test('a former index keeps its manifest alone; what a build that was never stored has left goes after an hour', async () => {
  const manifest = await lab.store.indexBuilds.manifestOf(index);
  const [otuId = ''] = Object.keys(manifest);
  await editOtu(lab.store, otuId, (otu) => {
    otu.name = 'Another name';
  });
  const outcome = await lab.store.indexBuilds.create({ referenceId: index.reference.id, userId: 'bob', cost });
  if (!outcome.ok) throw new Error(outcome.reason);
  const input = { jobId: outcome.job._id, task: 'build_index', args: outcome.job.args, cost };
  const control = createBuildIndexControl(deps());
  await control.finishBuildIndex(input);
  const lost = [randomId(), randomId()] as const;
  for (const [n, id] of lost.entries()) {
    const folder = lab.data.index(index.reference.id, id);
    await mkdir(folder);
    await writeFile(join(folder, 'manifest.json'), '{}');
    const written = Date.now() / 1000 - n * 3700;
    await utimes(join(folder, 'manifest.json'), written, written);
  }
  await lab.store.analyses.collection.updateMany({}, { $set: { ready: true } });
  await control.removeOldIndexes(input);
  expect(await readdir(referenceFolder())).toEqual([index._id, outcome.index._id, lost[0]].sort());
  expect(await readdir(lab.data.index(index.reference.id, index._id))).toEqual(['manifest.json']);
  expect(await lab.store.indexBuilds.manifestOf(index)).toEqual(manifest);
});

test('a build that is undone leaves no file, and the files go with their reference', async () => {
  const [otuId = ''] = Object.keys(await lab.store.indexBuilds.manifestOf(index));
  await editOtu(lab.store, otuId, (otu) => {
    otu.name = 'A third name';
  });
  const outcome = await lab.store.indexBuilds.create({ referenceId: index.reference.id, userId: 'bob', cost });
  if (!outcome.ok) throw new Error(outcome.reason);
  expect(await readdir(referenceFolder())).toContain(outcome.index._id);
  const input = { jobId: outcome.job._id, task: 'build_index', args: outcome.job.args, cost };
  await createBuildIndexControl(deps()).undoBuildIndex(input);
  expect(await readdir(referenceFolder())).not.toContain(outcome.index._id);

  const process = newProcess(randomId(), 'delete_reference', { ref_id: index.reference.id, user_id: 'bob' });
  await lab.store.database.transaction((session) => lab.store.processes.insert(process, session));
  await runActivity(createDeleteReferenceActivities(deps()).deleteReference, { processId: process._id });
  await expect(readdir(referenceFolder())).rejects.toThrow('ENOENT');
});
