import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findIssues } from '../../../src/store/otus/otu_issues.js';
import { refusedWith, runActivity } from '../../support/processes.js';
import {
  changedFile,
  contentOf,
  NEW_RELEASE,
  OLD_RELEASE,
  publish,
  type ReferenceFile,
  type RemoteLab,
  remoteLab,
} from '../../support/remote_references.js';

/** Four OTUs with fifteen sequences. */
const SMALL = fileURLToPath(new URL('../../data/bad/reference_good.json.gz', import.meta.url));

let lab: RemoteLab;
beforeEach(async () => {
  lab = await remoteLab();
});
afterEach(() => lab.dispose());

const content = (id: string) => contentOf(lab.store, id);
const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const history = (id: string, method_name: string) =>
  lab.store.history.collection.find({ 'reference.id': id, method_name } as object).toArray();

/** The OTU that stands for the first one of the file. */
async function firstOtu(id: string, file = SMALL) {
  let name = '';
  changedFile(file, ({ otus }) => {
    name = otus[0].name;
  });
  const found = await lab.store.otus.collection.findOne({ 'reference.id': id, name });
  const joined = await lab.store.otus.getJoined(found?._id ?? '');
  if (!joined) throw new Error(`There is no OTU ${name}`);
  return joined;
}

describe('an installation', () => {
  test('fills the reference with the release, and the history tells where each OTU came from', async () => {
    const id = await lab.install(OLD_RELEASE);
    expect(await content(id)).toEqual(await lab.imported(OLD_RELEASE));
    const reference = await lab.get(`/api/refs/${id}`);
    expect(reference).toMatchObject({
      ...{ data_type: 'genome', organism: 'virus', updating: false, errors: [] },
      ...{ otu_count: 44, unbuilt_change_count: 44, contributors: [{ id: 'bob', count: 44 }] },
      release: { id: 5001, name: 'v1.4.0', newer: false },
      installed: { id: 5001, ready: true, sha256: sha256(OLD_RELEASE) },
      updates: [{ id: 5001, ready: true }],
    });
    const { documents } = await lab.get(`/api/refs/${id}/history?per_page=1`);
    expect(documents[0]).toMatchObject({ method_name: 'remote', description: expect.stringMatching(/^Remoted /) });
    const process = await lab.store.processes.get(reference.process.id);
    expect(process).toMatchObject({ complete: true, progress: 1, step: 'create_history', count: 44 });
    expect(existsSync(lab.data.download(process?._id ?? ''))).toBe(false);
  });

  test.each<[string, (file: ReferenceFile) => void, unknown]>([
    ['names no data type', (file) => delete file.data_type, { id: 'data_type', message: 'Could not infer data type' }],
    [
      'has an OTU without id',
      ({ otus }) => delete otus[1]._id,
      { id: 'otu', message: expect.stringMatching(/^OTU 2 .*: _id: required field$/) },
    ],
    [
      'has an isolate without id',
      ({ otus }) => delete otus[1].isolates[0].id,
      { id: 'otu', message: expect.stringMatching(/: isolates\/0\/id: required field$/) },
    ],
    [
      'has a sequence without id',
      ({ otus }) => delete otus[1].isolates[0].sequences[0]._id,
      { id: 'otu', message: expect.stringMatching(/: isolates\/0\/sequences\/0\/_id: required field$/) },
    ],
  ])('of a file that %s is refused, and nothing is left', async (_, change, error) => {
    publish(lab.server, ['v1.4.0', changedFile(SMALL, change)]);
    const { id, process } = await lab.create();
    await runActivity(lab.activities.downloadReference, { processId: process.id });
    const errors = await refusedWith(runActivity(lab.activities.installReference, { processId: process.id }));
    expect(errors).toEqual([expect.objectContaining(error as object)]);
    await runActivity(lab.activities.undoInstallReference, { processId: process.id, errors });
    expect(await lab.store.references.get(id)).toBeNull();
    // As release 3.7.3 has them for this process.
    expect((await lab.get(`/api/processes/${process.id}`)).errors).toEqual(errors.map(({ message }) => message));
    expect(readdirSync(join(lab.data.root, 'downloads'))).toEqual([]);
  });

  test('of a file that names no organism says that it is unknown', async () => {
    const id = await lab.install(changedFile(SMALL, (file) => delete file.organism));
    expect((await lab.get(`/api/refs/${id}`)).organism).toBe('Unknown');
  });
});

describe('a download', () => {
  test.each([
    ['is cut', (bytes: Buffer) => bytes.subarray(0, 100)],
    ['has more bytes than the release says', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('x')])],
  ])('that %s is none', async (_, change) => {
    publish(lab.server, ['v1.4.0', SMALL]);
    const { process } = await lab.create();
    lab.server.respond = (_request, response) => void response.end(change(readFileSync(SMALL)));
    const run = runActivity(lab.activities.downloadReference, { processId: process.id });
    await expect(run).rejects.toThrow('Could not download reference data');
    expect(readdirSync(lab.data.download(process.id))).toEqual([]);
  });

  test('with another checksum than the release says is none', async () => {
    publish(lab.server, ['v1.4.0', SMALL]);
    const { process } = await lab.create();
    const wrong = { $set: { 'context.release.sha256': '0'.repeat(64) } };
    await lab.store.processes.collection.updateOne({ _id: process.id }, wrong);
    const run = runActivity(lab.activities.downloadReference, { processId: process.id });
    await expect(run).rejects.toThrow('Could not download reference data');
  });

  test('that is there already is not done again', async () => {
    publish(lab.server, ['v1.4.0', SMALL]);
    const { process } = await lab.create();
    for (let times = 0; times < 2; times += 1) {
      expect(await runActivity(lab.activities.downloadReference, { processId: process.id })).toBe(true);
    }
    expect(lab.server.asked.filter(({ path }) => path.startsWith('/files/'))).toHaveLength(1);
  });
});

describe('an update', () => {
  test('makes the reference what a fresh import of the release is', async () => {
    const id = await lab.install(OLD_RELEASE);
    await lab.update(id, NEW_RELEASE);
    expect(await content(id)).toEqual(await lab.imported(NEW_RELEASE));
    expect(await lab.get(`/api/refs/${id}`)).toMatchObject({
      ...{ updating: false, errors: [], otu_count: 43, unbuilt_change_count: 89 },
      release: { name: 'v1.5.0', newer: false },
      installed: { name: 'v1.5.0', newer: true, ready: true, sha256: sha256(NEW_RELEASE) },
      updates: [{ ready: true }, { ready: true, newer: true }],
    });
    expect((await lab.get(`/api/refs/${id}/updates`)).map(({ name }: { name: string }) => name)).toEqual([
      'v1.5.0',
      'v1.4.0',
    ]);
    expect(await history(id, 'update')).toHaveLength(42);
    expect(await history(id, 'remove')).toHaveLength(2);
    expect(await history(id, 'remote')).toHaveLength(45);
  });

  test('can be followed back through its history', async () => {
    const id = await lab.install(OLD_RELEASE);
    const before = new Map(
      [...(await lab.store.otus.getManyJoined((await lab.store.otus.names([id])).map(({ _id }) => _id)))].map(
        ([otuId, otu]) => [`${otuId}.0`, otu],
      ),
    );
    await lab.update(id, NEW_RELEASE);
    const wanted = [...before.values()].map((otu) => ({ id: otu._id, version: 0 }));
    expect(await lab.store.otuVersions.getOtusAtVersions(wanted)).toEqual(before);
  });

  test('to the same content changes nothing, though it is in another order', async () => {
    const id = await lab.install(SMALL);
    const before = await content(id);
    const reordered = changedFile(SMALL, ({ otus }) => {
      otus.reverse();
      for (const otu of otus) {
        otu.isolates.reverse();
        for (const isolate of otu.isolates) isolate.sequences.reverse();
      }
    });
    await lab.update(id, reordered);
    expect(await content(id)).toEqual(before);
    expect(await lab.get(`/api/refs/${id}`)).toMatchObject({ installed: { name: 'v1.5.0' }, unbuilt_change_count: 4 });
  });

  test('takes sequences away, changes them and brings new ones, in the order of the release', async () => {
    const id = await lab.install(SMALL);
    const next = changedFile(SMALL, ({ otus }) => {
      const [first] = otus[0].isolates;
      const [kept] = first.sequences;
      first.sequences = [
        { ...kept, _id: 'new1', accession: 'NEW_1' },
        { ...kept, definition: 'changed', segment: 'RNA1', sequence: 'ACGTN' },
      ];
      otus[0].schema = [{ name: 'RNA1', required: true, molecule: 'ssRNA' }];
      otus[0].name = `${otus[0].name} renamed`;
    });
    await lab.update(id, next);
    expect(await content(id)).toEqual(await lab.imported(next));
    const [change] = await history(id, 'update');
    expect(change).toMatchObject({ otu: { version: 1 }, description: expect.stringMatching(/^Updated .* renamed/) });
    // What has gone does not make the OTU changed once more.
    await lab.update(id, next, 'v1.6.0');
    expect(await history(id, 'update')).toHaveLength(1);
  });

  test('verifies anew', async () => {
    const id = await lab.install(SMALL);
    await lab.update(
      id,
      changedFile(SMALL, ({ otus }) => {
        otus[0].isolates[0].sequences = [];
      }),
    );
    const broken = await firstOtu(id);
    expect(broken).toMatchObject({ verified: false, issues: findIssues(broken), version: 1 });
    await lab.update(id, SMALL, 'v1.6.0');
    expect(await firstOtu(id)).toMatchObject({ verified: true, issues: null, version: 2 });
  });

  test('lets two OTUs exchange their names', async () => {
    const id = await lab.install(SMALL);
    const next = changedFile(SMALL, ({ otus }) => {
      [otus[0].name, otus[1].name] = [otus[1].name, otus[0].name];
      [otus[0].abbreviation, otus[1].abbreviation] = [otus[1].abbreviation, otus[0].abbreviation];
    });
    const before = await content(id);
    publish(lab.server, ['v1.5.0', next]);
    const processId = await lab.beginUpdate(id);
    await lab.runUpdate(processId);
    expect(await content(id)).toEqual(await lab.imported(next));
    // The way back goes through the same names.
    await lab.store.historyReverts.revertProcess(id, processId, () => undefined);
    expect(await content(id)).toEqual(before);
  });

  test('takes the internal control away when its OTU left', async () => {
    const id = await lab.install(SMALL);
    const control = await firstOtu(id);
    await lab.send('bob', 'PATCH', `/api/refs/${id}`, { internal_control: control._id });
    const processId = await lab.update(
      id,
      changedFile(SMALL, ({ otus }) => otus.shift()),
    );
    expect((await lab.get(`/api/refs/${id}`)).internal_control).toBeNull();
    await lab.store.historyReverts.revertProcess(id, processId, () => undefined);
    expect((await lab.get(`/api/refs/${id}`)).internal_control).toMatchObject({ id: control._id });
  });

  test('repairs what release 3.7.3 left: orphans, doubles, local OTUs and wrong verification', async () => {
    const id = await lab.install(SMALL);
    const before = await content(id);
    const otu = await firstOtu(id);
    const { otus, sequences } = lab.store;
    const [sequence] = otu.isolates.flatMap((isolate) => isolate.sequences);
    await sequences.collection.insertOne({ ...sequence, _id: 'orphan00', isolate_id: 'gone' } as never);
    const stored = await otus.get(otu._id);
    await otus.collection.insertOne({ ...stored, _id: 'zzdouble' } as never);
    await otus.collection.insertOne({ ...stored, _id: 'zzlocal0', remote: undefined, name: 'Local' } as never);
    const other = await otus.collection.findOne({
      'reference.id': id,
      _id: { $ne: otu._id },
      remote: { $exists: true },
    });
    await otus.collection.updateOne({ _id: other?._id as string }, { $set: { verified: false } });
    await lab.update(id, SMALL);
    expect(await content(id)).toEqual(before);
    expect(await history(id, 'update')).toEqual([]);
    expect((await history(id, 'remove')).map(({ otu: { id: removed } }) => removed).sort()).toEqual([
      'zzdouble',
      'zzlocal0',
    ]);
  });

  test('goes on where a former attempt stopped, in every step', async () => {
    const id = await lab.install(OLD_RELEASE);
    publish(lab.server, ['v1.5.0', NEW_RELEASE]);
    const processId = await lab.beginUpdate(id);
    const { otuMirrors, remoteReferences } = lab.store;
    const originals = {
      mirrorBatch: otuMirrors.mirrorBatch,
      remove: otuMirrors.remove,
      publish: remoteReferences.publish,
    };
    // Each one does its work once and is then lost with the attempt.
    const lose = <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) => {
      let times = 0;
      return async (...args: Args): Promise<Result> => {
        const result = await work(...args);
        times += 1;
        if (times === 1) throw Object.assign(new Error('lost'), { code: 'ECONNRESET' });
        return result;
      };
    };
    otuMirrors.mirrorBatch = lose(originals.mirrorBatch);
    otuMirrors.remove = lose(originals.remove);
    remoteReferences.publish = lose(originals.publish);
    for (let attempt = 0; attempt < 3; attempt += 1) await expect(lab.runUpdate(processId)).rejects.toThrow('lost');
    await lab.runUpdate(processId);
    Object.assign(otuMirrors, { mirrorBatch: originals.mirrorBatch, remove: originals.remove });
    remoteReferences.publish = originals.publish;
    expect(await content(id)).toEqual(await lab.imported(NEW_RELEASE));
    expect((await lab.get(`/api/refs/${id}`)).unbuilt_change_count).toBe(89);
    expect(existsSync(lab.data.download(processId))).toBe(false);
  });

  test('that is undone leaves the reference as it was, and a run beside it writes nothing more', async () => {
    const id = await lab.install(OLD_RELEASE);
    const before = await content(id);
    publish(lab.server, ['v1.5.0', NEW_RELEASE]);
    const processId = await lab.beginUpdate(id);
    const { publish: publishUpdate } = lab.store.remoteReferences;
    lab.store.remoteReferences.publish = async () => {
      throw new TypeError('x is not a function');
    };
    const errors = await refusedWith(lab.runUpdate(processId));
    lab.store.remoteReferences.publish = publishUpdate;
    expect(await content(id)).not.toEqual(before);
    await runActivity(lab.activities.undoUpdateReference, { processId, errors });
    await lab.runUpdate(processId);
    expect(await content(id)).toEqual(before);
    expect(await lab.get(`/api/refs/${id}`)).toMatchObject({
      ...{ updating: false, otu_count: 44, unbuilt_change_count: 44 },
      installed: { name: 'v1.4.0' },
      updates: [{ ready: true }, { ready: false, error: 'x is not a function' }],
    });
    expect(await lab.store.processes.get(processId)).toMatchObject({ complete: false, errors });
    await lab.update(id, NEW_RELEASE);
    expect(await content(id)).toEqual(await lab.imported(NEW_RELEASE));
  });

  test('from a file that cannot be used changes nothing', async () => {
    const id = await lab.install(SMALL);
    const before = await content(id);
    const cut = join(lab.data.root, 'cut.json.gz');
    writeFileSync(cut, readFileSync(NEW_RELEASE).subarray(0, 5_000));
    publish(lab.server, ['v1.5.0', cut]);
    const errors = await refusedWith(lab.runUpdate(await lab.beginUpdate(id)));
    expect(errors).toMatchObject([{ id: 'unhandled', message: expect.stringMatching(/damaged or cut/) }]);
    expect(await content(id)).toEqual(before);
  });
});
