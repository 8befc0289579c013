import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ActivityDeps } from '../../../src/activities/deps.js';
import { REFERENCE_LIMITS, readReferenceFile } from '../../../src/activities/references/file.js';
import { createImportReferenceActivities } from '../../../src/activities/references/import.js';
import { wireProgress } from '../../../src/activities/references/otu_copying.js';
import { createDataDirectory } from '../../../src/files/data_directory.js';
import { testFolder } from '../../support/folders.js';
import { refusedWith, requestImport, runActivity } from '../../support/processes.js';
import { testActivityDeps } from '../../support/store.js';

const bad = (name: string) => fileURLToPath(new URL(`../../data/bad/reference_${name}.json.gz`, import.meta.url));
const reported = (name: string) => fileURLToPath(new URL(`../../data/reports/${name}.json.gz`, import.meta.url));

let deps: ActivityDeps;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ deps, dispose } = await testActivityDeps());
});
afterAll(() => dispose());

async function setUp(path: string) {
  deps.data = createDataDirectory(testFolder());
  await deps.data.create();
  const requested = await requestImport(deps, path);
  const activities = createImportReferenceActivities(deps);
  const processId = requested.process._id;
  return {
    ...requested,
    run: () => runActivity(activities.importReference, { processId }),
    undo: (errors: { id: string; message: string }[]) =>
      runActivity(activities.undoImportReference, { processId, errors }),
  };
}

async function counts(referenceId: string) {
  const filter = { 'reference.id': referenceId };
  const { otus, sequences, history } = deps.store;
  return {
    otus: await otus.collection.countDocuments(filter),
    sequences: await sequences.collection.countDocuments(filter),
    changes: await history.collection.countDocuments(filter),
  };
}

function writeReference(otus: unknown[], rest: object = {}): string {
  const path = join(testFolder(), 'made.json.gz');
  writeFileSync(path, gzipSync(JSON.stringify({ ...rest, otus })));
  return path;
}

const madeOtu = (name: string, sequence = 'ACGT') => ({
  _id: `id_${name}`,
  name,
  isolates: [
    {
      id: 'i1',
      source_type: 'isolate',
      source_name: 'A',
      default: true,
      sequences: [{ _id: `s_${name}`, accession: 'X1', definition: 'genome', sequence, taxid: 5 }],
    },
  ],
});

describe('a good file', () => {
  test('becomes OTUs with sequences and history, and metadata of the reference', async () => {
    const { reference, process, run } = await setUp(bad('good'));
    await run();
    expect(await counts(reference._id)).toEqual({ otus: 4, sequences: 15, changes: 4 });
    expect(await deps.store.references.get(reference._id)).toMatchObject({ data_type: 'genome', organism: 'virus' });
    expect(await deps.store.processes.get(process._id)).toMatchObject({
      complete: true,
      progress: 1,
      step: 'create_history',
      count: 4,
    });
    const otu = await deps.store.otus.collection.findOne({ 'reference.id': reference._id, abbreviation: 'TMV' });
    expect(otu).toMatchObject({
      name: 'Tobacco mosaic virus',
      lower_name: 'tobacco mosaic virus',
      version: 0,
      last_indexed_version: null,
      verified: true,
      issues: null,
      imported: true,
      created_at: reference.created_at,
      user: { id: 'bob' },
    });
    const change = await deps.store.history.get(`${otu?._id}.0`);
    expect(change).toMatchObject({ method_name: 'import', description: 'Imported Tobacco mosaic virus (TMV)' });
    const joined = await deps.store.otus.getJoined(otu?._id ?? '');
    expect(change?.diff).toEqual([['change', '', [null, joined]]]);
    expect(joined?.isolates[0]?.sequences[0]?.remote?.id).toBe('bz71mqig');
  });

  test('bases lose white space and lower case, and unknown keys are left out', async () => {
    const { reference, run } = await setUp(writeReference([madeOtu('A', ' ac gt\n\tryk ')]));
    await run();
    const sequence = await deps.store.sequences.collection.findOne({ 'reference.id': reference._id });
    expect(sequence).toEqual({
      _id: expect.any(String),
      otu_id: expect.any(String),
      isolate_id: 'i1',
      reference: { id: reference._id },
      accession: 'X1',
      definition: 'genome',
      host: '',
      segment: '',
      position: 0,
      sequence: 'ACGTRYK',
      remote: { id: 's_A' },
    });
  });

  test.each([
    ['empty_isolates', { empty_otu: true }],
    ['empty_sequences', { empty_isolate: [expect.any(String)] }],
    ['empty_sequence', { empty_sequence: [expect.objectContaining({ sequence: '' })] }],
    ['inconsistent', { isolate_inconsistency: true }],
  ])('%s makes an unverified OTU', async (name, issues) => {
    const { reference, run } = await setUp(bad(name));
    await run();
    const unverified = await deps.store.otus.collection
      .find({ 'reference.id': reference._id, verified: false })
      .toArray();
    expect(unverified).toMatchObject([{ issues }]);
  });

  test('U is stored as T in both cases, and the reference says so', async () => {
    const { reference, run } = await setUp(
      writeReference([madeOtu('A', 'AUGC augc'), madeOtu('B'), madeOtu('C', 'u')]),
    );
    await run();
    const ofReference = { 'reference.id': reference._id };
    expect((await deps.store.sequences.collection.distinct('sequence', ofReference)).sort()).toEqual([
      'ACGT',
      'ATGCATGC',
      'T',
    ]);
    const { notes } = (await deps.store.references.get(reference._id)) ?? {};
    expect(notes).toEqual(['U was read as T in 2 sequences.']);
  });

  test('of RNA has the sequences of DNA', async () => {
    const { reference, run } = await setUp(reported('reference_rna'));
    await run();
    const ofReference = { 'reference.id': reference._id };
    const bases = await deps.store.sequences.collection
      .find(ofReference)
      .map(({ sequence }) => sequence)
      .toArray();
    expect(bases.filter((sequence) => /U/i.test(sequence))).toEqual([]);
    const { notes } = (await deps.store.references.get(reference._id)) ?? {};
    expect(notes).toEqual(['U was read as T in 1 sequence.']);
  });

  test('names of OTUs lose white space at their ends and are composed; those of isolates stay as they are', async () => {
    const otu = { ...madeOtu(' Me\u0301lon virus\u00a0'), abbreviation: ' MV\n' };
    if (otu.isolates[0]) otu.isolates[0].source_name = 'Bangladesh ';
    const { reference, run } = await setUp(writeReference([otu]));
    await run();
    expect(await deps.store.otus.collection.findOne({ 'reference.id': reference._id })).toMatchObject({
      name: 'M\u00e9lon virus',
      lower_name: 'm\u00e9lon virus',
      abbreviation: 'MV',
      isolates: [{ source_name: 'Bangladesh ' }],
    });
    // No U, no note.
    expect(await deps.store.references.get(reference._id)).not.toHaveProperty('notes');
  });

  test.each(['extra_keys', 'no_meta'])('%s is no trouble', async (name) => {
    const { reference, run } = await setUp(bad(name));
    await run();
    expect((await counts(reference._id)).otus).toBe(4);
  });

  test('without OTUs gives an empty reference', async () => {
    const { reference, process, run } = await setUp(bad('empty_otus'));
    await run();
    expect(await counts(reference._id)).toEqual({ otus: 0, sequences: 0, changes: 0 });
    expect((await deps.store.processes.get(process._id))?.complete).toBe(true);
  });
});

describe('an unusable file', () => {
  test.each([
    ['not_gzip', 'not_gzipped', 'Not a gzipped file'],
    ['not_json', 'json_error', 'JSON'],
    ['cut_json', 'json_error', 'JSON'],
    ['empty', 'json_error', 'JSON'],
    ['truncated', 'unhandled', 'damaged or cut'],
    ['array', 'file', 'not a reference'],
    ['no_otus_key', 'file', 'not a reference'],
    ['otus_not_list', 'file', 'not a reference'],
    ['duplicate_ids', 'duplicate_ids', 'Duplicate OTU ids found'],
    ['duplicate_names', 'duplicate_names', 'Duplicate OTU names found'],
    ['duplicate_abbreviations', 'duplicate_abbreviations', 'Duplicate OTU abbreviations found'],
    ['duplicate_isolate_ids', 'duplicate_isolate_ids', 'Duplicate isolate ids found in some OTUs'],
    ['duplicate_sequence_ids', 'duplicate_sequence_ids', 'Duplicate sequence ids found'],
    ['no_name', 'otu', 'OTU 1: name: required field'],
    ['no_isolates_key', 'otu', 'OTU 1 (Tobacco mosaic virus): isolates: required field'],
    ['no_default', 'otu', 'no isolate is the default one'],
    ['two_defaults', 'otu', 'more than one isolate is the default one'],
    ['illegal_bases', 'otu', 'not IUPAC nucleotide codes: E F I L P Q Z ! *'],
  ])('%s is refused with %s', async (name, id, message) => {
    const { reference, run } = await setUp(bad(name));
    const errors = await refusedWith(run());
    expect(errors).toHaveLength(1);
    expect(errors[0]?.id).toBe(id);
    expect(errors[0]?.message).toContain(message);
    expect((await counts(reference._id)).otus).toBe(0);
  });

  test('all five kinds of duplicates are reported at once, with what is duplicate', async () => {
    const { run } = await setUp(bad('duplicates'));
    const errors = await refusedWith(run());
    expect(Object.fromEntries(errors.map((error) => [error.id, error.duplicates]))).toEqual({
      duplicate_abbreviations: ['TMV'],
      duplicate_ids: ['1351a407'],
      duplicate_isolate_ids: { '82666a09': { name: 'Apple scar skin viroid', duplicates: ['h5t28zjw'] } },
      duplicate_names: ['TOBACCO MOSAIC VIRUS'],
      duplicate_sequence_ids: ['bz71mqig', 'k3rdnfnd'],
    });
  });

  test('names that differ only in white space, case or composition are duplicates', async () => {
    expect(await refusedWith((await setUp(reported('reference_name_trailing_space'))).run())).toEqual([
      { id: 'duplicate_names', message: 'Duplicate OTU names found', duplicates: ['Potato virus Y '] },
    ]);
    const otus = [madeOtu('M\u00e9lon virus'), { ...madeOtu('\tME\u0301LON VIRUS'), abbreviation: ' PVY' }];
    const third = { ...madeOtu('C'), abbreviation: 'PVY' };
    const errors = await refusedWith((await setUp(writeReference([...otus, third]))).run());
    expect(errors.map(({ id, duplicates }) => [id, duplicates])).toEqual([
      ['duplicate_abbreviations', ['PVY']],
      ['duplicate_names', ['\tME\u0301LON VIRUS']],
    ]);
  });

  test.each([
    ['AC GTE', 'E (the first one at base 5)'],
    // One character in lower case, two bases in upper case.
    ['acgt\u00df', '\u00df (the first one at base 5)'],
    ['-', '- (the first one at base 1)'],
  ])('a base outside of IUPAC is told with OTU, sequence and position: %j', async (sequence, told) => {
    const { run } = await setUp(writeReference([madeOtu('A'), madeOtu('Bad virus', sequence)]));
    const [error] = await refusedWith(run());
    expect(error?.message).toBe(
      'OTU 2 (Bad virus): isolates/0/sequences/0/sequence: holds characters that are not IUPAC nucleotide codes: ' +
        told,
    );
  });

  test('what is no JSON inside of an OTU is told with its number', async () => {
    const path = join(testFolder(), 'broken.json.gz');
    writeFileSync(path, gzipSync(`{"otus": [${JSON.stringify(madeOtu('A'))}, {"name": }]}`));
    const errors = await refusedWith((await setUp(path)).run());
    expect(errors).toMatchObject([{ id: 'json_error', message: expect.stringMatching(/^OTU 2: Unexpected token/) }]);
  });

  test.each([
    [
      'missing_fields',
      {
        'isolates/0/sequences/0/accession': ['required field'],
        'isolates/0/source_name': ['required field'],
        'isolates/0/default': ['required field'],
        'isolates/0/sequences/1/definition': ['required field'],
      },
    ],
    [
      'wrong_types',
      {
        'isolates/0/default': ['must be of boolean type'],
        'isolates/0/sequences/0/accession': ['must be of string type'],
        abbreviation: ['must be of string type'],
      },
    ],
  ])('every problem of every OTU is reported: %s', async (name, issues) => {
    const { run } = await setUp(bad(name));
    const errors = await refusedWith(run());
    expect(Object.assign({}, ...errors.map((error) => error.issues))).toEqual(issues);
  });

  test('many problems give a list of bounded length', async () => {
    const { run } = await setUp(writeReference(Array.from({ length: 500 }, () => ({}))));
    const errors = await refusedWith(run());
    expect(errors).toHaveLength(101);
    expect(errors.at(-1)?.message).toBe('400 more OTUs have problems');
  });

  // Two kilobytes of gzip can hold gigabytes.
  test('a file that unpacks to more than the limit is refused before it is read whole', async () => {
    const path = join(testFolder(), 'bomb.json.gz');
    writeFileSync(path, gzipSync(Buffer.alloc(4 * 1024 ** 2)));
    const reading = readReferenceFile(path, new AbortController().signal, { ...REFERENCE_LIMITS, bytes: 1024 ** 2 });
    await expect(reading).rejects.toThrow('unpacks to more than 1 MiB');
  });

  test('text that is not UTF-8 is refused', async () => {
    const path = join(testFolder(), 'latin.json.gz');
    writeFileSync(path, gzipSync(Buffer.from([0x22, 0xe9, 0x22])));
    await expect(readReferenceFile(path, new AbortController().signal)).rejects.toThrow('not valid UTF-8');
  });

  test('after the undoing nothing of the reference is left; the process keeps its errors and stays failed', async () => {
    const { reference, process, run, undo } = await setUp(bad('duplicate_names'));
    const errors = await refusedWith(run());
    await undo(errors);
    await undo([{ id: 'unhandled', message: 'a later reason' }]);
    expect(await deps.store.references.get(reference._id)).toBeNull();
    expect(await deps.store.processes.get(process._id)).toMatchObject({ complete: false, errors });
    await run();
    expect((await counts(reference._id)).otus).toBe(0);
  });
});

describe('an interrupted import', () => {
  const many = () => writeReference(Array.from({ length: 250 }, (_, n) => madeOtu(`Virus ${n}`)));

  test('goes on where it stopped and ends with every OTU once', async () => {
    const { reference, process, run } = await setUp(many());
    const { insertBatch } = deps.store.otuCopies;
    let batches = 0;
    deps.store.otuCopies.insertBatch = async (...args) => {
      batches += 1;
      if (batches === 2) throw new TypeError('the worker is gone');
      return insertBatch(...args);
    };
    await expect(run()).rejects.toThrow('the worker is gone');
    expect((await counts(reference._id)).otus).toBe(100);
    deps.store.otuCopies.insertBatch = insertBatch;
    await run();
    expect(await counts(reference._id)).toEqual({ otus: 250, sequences: 250, changes: 250 });
    expect(await deps.store.otus.collection.distinct('name', { 'reference.id': reference._id })).toHaveLength(250);
    const stored = await deps.store.processes.get(process._id);
    expect(stored?.context.inserted_otu_ids).toHaveLength(250);
    expect(stored?.complete).toBe(true);
  });

  // A run whose heartbeats were lost is replaced while it still works.
  test('that was overtaken by another run writes nothing twice, and a later run goes on', async () => {
    const { reference, process, run } = await setUp(many());
    const { insertBatch } = deps.store.otuCopies;
    let calls = 0;
    const stopAfterFirstBatch: typeof insertBatch = async (...args) => {
      calls += 1;
      if (calls > 1) throw new TypeError('stopped');
      return insertBatch(...args);
    };
    deps.store.otuCopies.insertBatch = async (...args) => {
      deps.store.otuCopies.insertBatch = stopAfterFirstBatch;
      await expect(run()).rejects.toThrow('stopped');
      deps.store.otuCopies.insertBatch = insertBatch;
      return insertBatch(...args);
    };
    await expect(run()).rejects.toMatchObject({ type: 'Overtaken', nonRetryable: false });
    expect((await counts(reference._id)).otus).toBe(100);
    await run();
    expect(await counts(reference._id)).toEqual({ otus: 250, sequences: 250, changes: 250 });
    expect((await deps.store.processes.get(process._id))?.complete).toBe(true);
  });

  test('writes nothing any more once it is being undone', async () => {
    const { reference, process, run, undo } = await setUp(many());
    await deps.store.processes.close(process._id);
    await expect(run()).rejects.toThrow('interrupted');
    await undo([{ id: 'cancelled', message: 'Cancelled' }]);
    expect((await counts(reference._id)).otus).toBe(0);
  });

  test('is left alone by a late undoing once it is complete', async () => {
    const { reference, process, run, undo } = await setUp(bad('good'));
    await run();
    await undo([{ id: 'unhandled', message: 'late' }]);
    expect((await counts(reference._id)).otus).toBe(4);
    expect(await deps.store.processes.get(process._id)).not.toHaveProperty('errors');
  });
});

// Quirk of the wire: the count is that of the OTU that moved the progress by a hundredth.
test('progress and count are those of the original', () => {
  const task = { step: 'import_otus', range: { start: 0.6, width: 0.2 }, total: 43 };
  expect(wireProgress(task, 43)).toEqual({ step: 'import_otus', count: 42, progress: 0.8 });
  expect(wireProgress(task, 6)).toMatchObject({ count: 6, progress: expect.closeTo(0.63) });
  expect(wireProgress({ ...task, total: 4 }, 4)).toMatchObject({ count: 4, progress: 0.8 });
});
