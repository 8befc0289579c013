import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PathoscopeLab, pathoscopeLab } from '../../support/pathoscope_lab.js';
import { dataFile } from '../../tools/support.js';

const LIMIT = { timeout: 120_000 };

let lab: PathoscopeLab;
beforeAll(async () => {
  lab = await pathoscopeLab();
}, LIMIT.timeout);
afterAll(() => lab.dispose());

const indexes = () => lab.store.indexBuilds.collection;
const reads = async () => [await readFile(dataFile('reports/reads_tmv_pvy.fq.gz'))];

test(
  'an index without a map of its sequences, as old releases made them, is completed by the first analysis',
  LIMIT,
  async () => {
    const usual = await lab.newJob(await lab.addSample(await reads()));
    await usual.runAll();
    const before = await indexes().findOne();
    await indexes().updateOne({ _id: before?._id ?? '' }, { $unset: { sequence_otu_map: '' } });
    const job = await lab.newJob(await lab.addSample(await reads()));
    await job.runAll();
    expect(await job.found()).toEqual(await usual.found());
    expect(Object.keys(await job.found())).toEqual(expect.arrayContaining(['Tobacco mosaic virus', 'Potato virus Y']));
    expect(await indexes().findOne()).toEqual(before);
  },
);

test('an index whose OTUs cannot be rebuilt is refused by name, and stays as it is', LIMIT, async () => {
  const index = await indexes().findOne();
  const [otuId = ''] = Object.keys(index?.manifest ?? {});
  await indexes().updateOne(
    { _id: index?._id ?? '' },
    { $unset: { sequence_otu_map: '' }, $set: { [`manifest.${otuId}`]: 99 } },
  );
  const job = await lab.newJob(await lab.addSample(await reads()));
  await expect(job.runAll()).rejects.toMatchObject({
    type: 'InvalidInput',
    message: expect.stringContaining(`OTU ${otuId} cannot be rebuilt`),
  });
  expect(await indexes().findOne()).not.toHaveProperty('sequence_otu_map');
});
