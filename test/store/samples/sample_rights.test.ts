import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  canChangeRights,
  canRead,
  canWrite,
  type RightsHolder,
  readFilter,
  type SampleRights,
} from '../../../src/store/samples/sample_rights.js';
import { type TestDatabase, testDatabase } from '../../support/servers.js';

const owner: RightsHolder = { userId: 'owner', administrator: false, groups: [] };
const administrator: RightsHolder = { userId: 'head', administrator: true, groups: [] };
const member: RightsHolder = { userId: 'fred', administrator: false, groups: ['west', ''] };
const stranger: RightsHolder = { userId: 'anna', administrator: false, groups: ['east'] };
const holders = [owner, administrator, member, stranger];

const flags = [false, true];
const samples: SampleRights[] = ['west', 'none', '', null].flatMap((group) =>
  flags.flatMap((group_read) =>
    flags.flatMap((group_write) =>
      flags.flatMap((all_read) =>
        flags.map((all_write) => ({ user: { id: 'owner' }, group, group_read, group_write, all_read, all_write })),
      ),
    ),
  ),
);

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.dispose());

test('owner and administrators may do everything', () => {
  for (const sample of samples) {
    for (const holder of [owner, administrator]) {
      expect([canRead, canWrite, canChangeRights].map((may) => may(holder, sample))).toEqual([true, true, true]);
    }
    for (const holder of [member, stranger]) expect(canChangeRights(holder, sample)).toBe(false);
  }
});

test('others read by all_read, members also by group_read', () => {
  for (const sample of samples) {
    expect(canRead(stranger, sample)).toBe(sample.all_read);
    expect(canRead(member, sample)).toBe(sample.all_read || (sample.group === 'west' && sample.group_read));
  }
});

test('nobody writes what they cannot read, whatever the write flags say', () => {
  for (const sample of samples) {
    expect(canWrite(stranger, sample)).toBe(sample.all_read && sample.all_write);
    const isMember = sample.group === 'west';
    const reads = sample.all_read || (isMember && sample.group_read);
    expect(canWrite(member, sample)).toBe(reads && (sample.all_write || (isMember && sample.group_write)));
  }
});

// An empty group would otherwise make everybody with an empty group name a member.
test('the filter of lists finds exactly what may be read', async () => {
  await database.db.collection('samples').insertMany(samples.map((sample, number) => ({ ...sample, number })));
  for (const holder of holders) {
    const found = await database.db.collection('samples').find(readFilter(holder)).sort({ number: 1 }).toArray();
    const expected = samples.flatMap((sample, number) => (canRead(holder, sample) ? [number] : []));
    expect(found.map(({ number }) => number)).toEqual(expected);
  }
});
