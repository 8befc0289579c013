import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attachment } from '../../../src/api/downloads/attachment.js';
import { type JoinedOtu, splitOtu } from '../../../src/store/otus/otus.js';
import { type Laboratory, laboratory } from '../../support/laboratory.js';
import { editOtu, insertOtu, otuOf, referenceOf, removeOtu } from '../../support/references.js';

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory({ anna: {} });
});
afterAll(() => lab.dispose());

const get = (path: string) => lab.send('bob', 'GET', path);

async function addReference(): Promise<string> {
  const reference = referenceOf({ organism: 'virus', data_type: 'genome' });
  await lab.store.references.insert(reference);
  return reference._id;
}

describe('references', () => {
  const download = async (referenceId: string, scope?: string) => {
    const query = scope === undefined ? '' : `?scope=${scope}`;
    const headers = { 'X-User': 'bob' };
    const response = await lab.app.request(`/download/refs/${referenceId}${query}`, { headers });
    const content = Buffer.from(await response.arrayBuffer());
    return { status: response.status, headers: response.headers, file: JSON.parse(gunzipSync(content).toString()) };
  };
  const names = async (referenceId: string, scope?: string): Promise<string[]> =>
    (await download(referenceId, scope)).file.otus.map((otu: { name: string }) => otu.name).sort();
  const setIndexed = (otu: JoinedOtu, version: number) =>
    lab.store.otus.collection.updateOne({ _id: otu._id }, { $set: { last_indexed_version: version } });
  const rename = (otu: JoinedOtu, name: string) =>
    editOtu(lab.store, otu._id, (one) => {
      one.name = name;
    });

  test('hold the keys of the file format, segments included', async () => {
    const referenceId = await addReference();
    const schema = [{ name: 'RNA1', required: true, molecule: 'ssRNA' as const }];
    const otu = otuOf(referenceId, { schema, remote: { id: 'remote00' } });
    otu.isolates.pop();
    otu.isolates[0]!.sequences[0]!.segment = 'RNA1';
    otu.isolates[0]!.sequences[0]!.remote = { id: 'remote01' };
    await insertOtu(lab.store, otu);
    await setIndexed(otu, 0);
    const { status, headers, file } = await download(referenceId);
    expect(status).toBe(200);
    expect(headers.get('Content-Type')).toBe('application/gzip');
    expect(headers.get('Content-Disposition')).toBe('attachment; filename=reference.built.json.gz');
    const { id, source_type, source_name } = otu.isolates[0]!;
    const { _id, accession, definition, host, sequence } = otu.isolates[0]!.sequences[0]!;
    const exported = { _id, accession, definition, host, segment: 'RNA1', sequence };
    const isolate = { id, source_type, source_name, default: true };
    const common = { name: otu.name, abbreviation: '', schema };
    expect(file).toEqual({
      data_type: 'genome',
      organism: 'virus',
      otus: [{ _id: otu._id, ...common, isolates: [{ ...isolate, sequences: [exported] }] }],
    });
    expect((await download(referenceId, 'remote')).file.otus).toEqual([
      { _id: 'remote00', ...common, isolates: [{ ...isolate, sequences: [{ ...exported, _id: 'remote01' }] }] },
    ]);
  });

  test('give each scope its OTUs in its state', async () => {
    const referenceId = await addReference();
    const indexed = await insertOtu(lab.store, otuOf(referenceId, { name: 'Indexed' }));
    await setIndexed(indexed, 0);
    await rename(indexed, 'Indexed, renamed');
    const broken = await insertOtu(lab.store, otuOf(referenceId, { name: 'Verified' }));
    await editOtu(lab.store, broken._id, (otu) => {
      otu.name = 'Broken';
      otu.isolates[0]!.sequences = [];
    });
    await rename(broken, 'Broken, renamed');
    const never = otuOf(referenceId, { name: 'Never verified', isolates: [], verified: false });
    await insertOtu(lab.store, never);
    await rename(never, 'Never verified, renamed');
    const removed = await insertOtu(lab.store, otuOf(referenceId, { name: 'Removed' }));
    await setIndexed(removed, 0);
    await removeOtu(lab.store, removed._id);
    expect(await names(referenceId)).toEqual(['Indexed']);
    expect(await names(referenceId, 'remote')).toEqual(['Indexed']);
    expect(await names(referenceId, 'anything')).toEqual(['Indexed']);
    expect(await names(referenceId, 'unbuilt')).toEqual(['Indexed, renamed', 'Verified']);
    expect(await names(referenceId, 'unverified')).toEqual([
      'Broken, renamed',
      'Indexed, renamed',
      'Never verified, renamed',
    ]);
  });

  test('are complete and sorted by id, also when they are read in several batches', async () => {
    const referenceId = await addReference();
    const otus = Array.from({ length: 230 }, (_, n) => otuOf(referenceId, { name: `${n}`, last_indexed_version: 0 }));
    const parts = otus.map(splitOtu);
    await lab.store.otus.collection.insertMany(parts.map(({ otu }) => otu));
    await lab.store.sequences.collection.insertMany(parts.flatMap(({ sequences }) => sequences));
    const sorted = otus.map(({ _id }) => _id).sort();
    for (const scope of ['built', 'unbuilt', 'unverified']) {
      const { file } = await download(referenceId, scope);
      expect(file.otus.map((otu: { _id: string }) => otu._id)).toEqual(sorted);
    }
  });

  // Documents of old releases lack some of the texts.
  test('export sequences without accession, host or segment', async () => {
    const referenceId = await addReference();
    const otu = await insertOtu(lab.store, otuOf(referenceId));
    const filter = { otu_id: otu._id };
    await lab.store.sequences.collection.updateMany(filter, { $unset: { accession: 1, host: 1, segment: 1 } });
    const { file } = await download(referenceId, 'unverified');
    const texts = { accession: '', host: '', segment: null, sequence: 'ACGTACGT' };
    expect(file.otus[0].isolates[0].sequences[0]).toMatchObject(texts);
  });

  test('without OTUs are files too, unknown ones are not', async () => {
    const { file } = await download(await addReference());
    expect(file).toEqual({ data_type: 'genome', organism: 'virus', otus: [] });
    expect((await get('/download/refs/unknown1')).status).toBe(404);
  });
});

describe('FASTA', () => {
  async function addOtu(name: string): Promise<JoinedOtu> {
    const otu = otuOf(await addReference(), { name });
    otu.isolates[1]!.source_name = '';
    return insertOtu(lab.store, otu);
  }

  test('of an OTU, an isolate and a sequence', async () => {
    const otu = await addOtu('Prunus virus F');
    const [a, b] = otu.isolates;
    const first = `>Prunus virus F|Isolate a|${a!.sequences[0]!._id}|8\nACGTACGT`;
    const second = `>Prunus virus F|Unnamed Isolate|${b!.sequences[0]!._id}|8\nACGTACGT`;
    const file = async (path: string) => {
      const { status, headers, body } = await get(path);
      expect(status).toBe(200);
      expect(headers.get('Content-Type')).toBe('text/plain; charset=utf-8');
      return [headers.get('Content-Disposition'), body];
    };
    const named = (name: string) => `attachment; filename=${name}`;
    expect(await file(`/download/otus/${otu._id}`)).toEqual([named('prunus_virus_f.fa'), `${first}\n${second}`]);
    expect(await file(`/download/otus/${otu._id}/isolates/${a!.id}`)).toEqual([
      named('prunus_virus_f.isolate_a.fa'),
      first,
    ]);
    expect(await file(`/download/sequences/${b!.sequences[0]!._id}`)).toEqual([
      named(`prunus_virus_f.unnamed_isolate.${b!.sequences[0]!._id}.fa`),
      second,
    ]);
  });

  test('of bases that an old release stored with U has T, as the file of its reference', async () => {
    const otu = await addOtu('RNA virus');
    await lab.store.sequences.collection.updateMany({ otu_id: otu._id }, { $set: { sequence: 'ACGUacgu' } });
    const { body } = await get(`/download/otus/${otu._id}`);
    expect(body.split('\n').filter((line: string) => !line.startsWith('>'))).toEqual(['ACGTacgt', 'ACGTacgt']);
    const path = `/download/refs/${otu.reference.id}?scope=unverified`;
    const response = await lab.app.request(path, { headers: { 'X-User': 'bob' } });
    const file = JSON.parse(gunzipSync(Buffer.from(await response.arrayBuffer())).toString());
    const exported = file.otus.find((one: { _id: string }) => one._id === otu._id);
    expect(exported.isolates[0].sequences[0].sequence).toBe('ACGTacgt');
  });

  test('of what is not there, and of an OTU without sequences, is not found', async () => {
    const otu = await addOtu('Empty virus');
    await lab.store.sequences.collection.deleteMany({ otu_id: otu._id });
    for (const path of ['otus/unknown1', `otus/${otu._id}`, `otus/${otu._id}/isolates/zz9`, 'sequences/unknown1']) {
      expect((await get(`/download/${path}`)).status).toBe(404);
    }
  });

  test('of an OTU whose name holds line ends and signs stays one entry with a safe file name', async () => {
    const otu = await addOtu('Bad\n>virus/é "x"; y');
    const { headers, body } = await get(`/download/otus/${otu._id}/isolates/${otu.isolates[0]!.id}`);
    expect(body.split('\n')).toHaveLength(2);
    expect(headers.get('Content-Disposition')).toBe(
      'attachment; filename="bad_>virus____x_;_y.isolate_a.fa"; ' +
        "filename*=UTF-8''bad_%3Evirus_%C3%A9_%22x%22%3B_y.isolate_a.fa",
    );
  });
});

test.each([
  ['plain_name-1.fa', 'attachment; filename=plain_name-1.fa'],
  ['a b.fa', `attachment; filename="a b.fa"; filename*=UTF-8''a%20b.fa`],
  ["(it's)*.fa", `attachment; filename="(it's)*.fa"; filename*=UTF-8''%28it%27s%29%2A.fa`],
  ['wirus ż.fa', `attachment; filename="wirus _.fa"; filename*=UTF-8''wirus%20%C5%BC.fa`],
])('a file named %s is announced as RFC 6266 has it', (name, header) => {
  expect(attachment(name)).toBe(header);
});
