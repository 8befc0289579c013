import { afterAll, beforeAll, expect, test } from 'vitest';
import { subtractionSlug } from '../../src/files/data_directory.js';
import { type Laboratory, laboratory } from '../support/laboratory.js';

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory();
});
afterAll(() => lab.dispose());

const create = (name: string, fileId: string) => {
  const slug = subtractionSlug(name);
  return lab.store.subtractions.create({
    name,
    clashesWith: (other) => subtractionSlug(other) === slug,
    nickname: '',
    fileId,
    userId: 'head',
    cost: { proc: 2, mem: 4 },
  });
};

// Both would use the same folder, and the clean-up of one would delete the other's files.
test('of names that mean the same folder one wins, also at once', async () => {
  for (let round = 0; round < 8; round += 1) {
    const names = ['Vitis vinifera', 'vitis_vinifera', 'VITIS VINIFERA'].map((name) => `${name} ${round}`);
    const files = await Promise.all(names.map((_, index) => lab.upload('subtraction', `${index}.fa`)));
    const outcomes = await Promise.all(names.map((name, index) => create(name, files[index]!)));
    expect(outcomes.filter((outcome) => outcome === 'name_taken')).toHaveLength(2);
    expect(await lab.store.files.collection.countDocuments({ reserved: true })).toBe(round + 1);
    expect(await lab.store.jobs.collection.countDocuments()).toBe(round + 1);
  }
});

test('a name that an old release stored without a folder name clashes too', async () => {
  await lab.addHost('Malus Domestica');
  expect(await create('malus_domestica', await lab.upload('subtraction', 'm.fa'))).toBe('name_taken');
});

test('one upload makes one subtraction', async () => {
  const fileId = await lab.upload('subtraction', 'a.fa');
  const outcomes = await Promise.all(['A', 'B', 'C', 'D'].map((name) => create(name, fileId)));
  expect(outcomes.filter((outcome) => outcome === 'no_file')).toHaveLength(3);
});

test('clean-up removes only what its own job made, and nothing that became ready', async () => {
  const outcome = await create('Prunus', await lab.upload('subtraction', 'p.fa'));
  if (typeof outcome === 'string') throw new Error(outcome);
  const jobId = outcome.job._id;
  expect(await lab.store.subtractions.removeUnready('Prunus', 'otherjob')).toBe(false);
  expect(
    await lab.store.subtractions.setStats('Prunus', { gc: { a: 0.2, t: 0.2, g: 0.3, c: 0.3, n: 0 }, count: 3 }),
  ).toBe(true);
  await lab.store.database.transaction((session) => lab.store.subtractions.publish('Prunus', session));
  expect(await lab.store.subtractions.removeUnready('Prunus', jobId)).toBe(false);
  expect(await lab.store.subtractions.get('Prunus')).toMatchObject({ ready: true, count: 3 });
});
