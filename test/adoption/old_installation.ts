import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import bcrypt from 'bcrypt';
import { Binary, type Db } from 'mongodb';
import { oldFiles, READS, SEQUENCE } from './old_files.js';

/** What release 3.7.3 left: names and secrets that tests need. */
export const OLD = {
  /** Administrator; the password is kept as bcrypt hash. */
  admin: { user_id: 'alice', password: 'from the old days' },
  /** The password is kept as SHA-512 with a salt. */
  legacy: { user_id: 'bob', password: 'even older days' },
  key: 'a3c1e2f04b5d4d1c9a7b8c6d5e4f3a2b',
  session: { id: '5e'.repeat(32), token: '70'.repeat(32) },
};

type Loose = { _id: string } & Record<string, unknown>;

const DAY = (day: number) => new Date(Date.UTC(2019, 8, day, 12));
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const user = { id: 'alice' };
const QUALITY = {
  ...{ count: 40, encoding: 'Sanger / Illumina 1.9\n', length: [60, 60], gc: 46.0 },
  ...{ bases: [[30, 31, 30, 32, 29, 33]], sequences: [0, 1], composition: [[25, 25, 25, 25]] },
};
const PERMISSIONS = {
  ...{ cancel_job: true, create_ref: true, create_sample: true, modify_hmm: false },
  ...{ modify_subtraction: true, remove_file: true, remove_job: true, upload_file: true },
};

/** Builds the database and the data directory of a release 3.7.3 that was killed amid its work, by its documents and layout. */
export async function buildOldInstallation(db: Db, dataPath: string): Promise<void> {
  for (const [name, documents] of Object.entries(await allDocuments())) {
    if (documents.length > 0) await db.collection<Loose>(name).insertMany(documents);
  }
  await db.collection('history').createIndexes([{ key: { 'otu.id': 1 } }, { key: { 'index.id': 1 } }]);
  await db.collection('indexes').createIndex({ version: 1, 'reference.id': 1 }, { unique: true });
  await db.collection('keys').createIndexes([{ key: { id: 1 }, unique: true }, { key: { 'user.id': 1 } }]);
  await db.collection('sessions').createIndex({ expiresAt: 1 }, { expireAfterSeconds: 0 });
  for (const [path, content] of Object.entries(oldFiles())) {
    mkdirSync(dirname(join(dataPath, path)), { recursive: true });
    writeFileSync(join(dataPath, path), content);
  }
}

async function allDocuments(): Promise<Record<string, Loose[]>> {
  return { ...(await accounts()), ...references(), ...laboratory(), jobs: jobs(), processes: processes() };
}

async function accounts(): Promise<Record<string, Loose[]>> {
  const someone = { groups: [], primary_group: '', permissions: PERMISSIONS, settings: {}, force_reset: false };
  const account = (_id: string, more: object): Loose => {
    return {
      _id,
      ...someone,
      identicon: sha256(_id),
      last_password_change: DAY(1),
      invalidate_sessions: false,
      ...more,
    };
  };
  const hash = await bcrypt.hash(OLD.admin.password, 4);
  const salt = 'c0ffee';
  const sha512 = createHash('sha512')
    .update(salt + OLD.legacy.password)
    .digest('hex');
  const key = { permissions: PERMISSIONS, groups: [], created_at: DAY(2) };
  const session = { ip: '10.0.0.4', administrator: true, groups: [], permissions: PERMISSIONS, force_reset: false };
  const later = new Date(Date.now() + 20 * 86_400_000);
  return {
    users: [
      account('alice', { administrator: true, password: new Binary(Buffer.from(hash)) }),
      account('bob', { administrator: false, groups: ['lab'], password: sha512, salt }),
      account('carol', { administrator: false, password: 'written down' }),
    ],
    groups: [{ _id: 'lab', _version: 2, permissions: { create_sample: true } }],
    keys: [
      { _id: sha256(OLD.key), id: 'robot_0', name: 'Robot', ...key, user },
      { _id: sha256('gone'), id: 'gone_0', name: 'Gone', ...key, user: { id: 'dave' } },
    ],
    sessions: [
      { _id: OLD.session.id, created_at: DAY(9), expiresAt: later, ...session, token: sha256(OLD.session.token), user },
      { _id: 'undated', ...session, token: sha256('x'), user },
      { _id: 'reset', created_at: DAY(9), expiresAt: later, ip: '10.0.0.4', reset_code: 'c0de', reset_user_id: 'bob' },
    ],
    settings: [
      { _id: 'settings', sample_group: 'none', sample_all_read: true, enable_api: true, sample_unique_names: true },
    ],
    status: [
      { _id: 'software', version: 'v3.7.3', installed: null, process: null, releases: [], updating: false },
      {
        ...{ _id: 'hmm', installed: null, release: null, errors: [], process: { id: 'hmmproc1' } },
        updates: [{ id: 1, name: 'v0.2.1', ready: false, created_at: DAY(3), user }],
      },
    ],
  };
}

function references(): Record<string, Loose[]> {
  const rights = { build: true, modify: true, modify_otu: true, remove: true };
  const reference = (_id: string, name: string, more: object = {}): Loose => ({
    ...{ _id, name, created_at: DAY(1), description: '', organism: 'virus', data_type: 'genome' },
    ...{ internal_control: null, restrict_source_types: false, source_types: ['isolate', 'strain'] },
    ...{ groups: [], users: [{ id: 'alice', ...rights }], user, ...more },
  });
  const slug = 'virtool/ref-plant-viruses';
  const update = { id: 7, name: 'v1.2.0', ready: true, created_at: DAY(1), user };
  const otu = (_id: string, referenceId: string, more: object = {}): Loose => ({
    ...{ _id, name: `Virus ${_id}`, lower_name: `virus ${_id}`, abbreviation: '', reference: { id: referenceId } },
    isolates: [{ id: 'abc', source_type: 'isolate', source_name: 'A', default: true }],
    ...{ schema: [], version: 0, last_indexed_version: null, verified: true, ...more },
  });
  const sequence = (_id: string, otuId: string, referenceId: string): Loose => ({
    ...{ _id, otu_id: otuId, isolate_id: 'abc', accession: `NC_${_id}`, definition: 'genome', host: '' },
    ...{ sequence: SEQUENCE, segment: null, reference: { id: referenceId } },
  });
  const change = (otuId: string, referenceId: string, index: object): Loose => ({
    ...{ _id: `${otuId}.0`, method_name: 'create', description: `Created Virus ${otuId}`, created_at: DAY(2) },
    ...{ otu: { id: otuId, name: `Virus ${otuId}`, version: 0 }, reference: { id: referenceId }, index, user },
    diff: { _id: otuId, name: `Virus ${otuId}` },
  });
  const index = (_id: string, referenceId: string, more: object): Loose => ({
    ...{ _id, version: 0, created_at: DAY(3), ready: true, has_files: true, job: { id: `job${_id}` } },
    ...{ reference: { id: referenceId }, user, ...more },
  });
  return {
    references: [
      reference('refbuilt', 'Built'),
      reference('refhalf0', 'Half built'),
      reference('refwork0', 'Being built', {
        process: { id: 'procimp1' },
        imported_from: { id: 'x', name: 'x', user },
      }),
      reference('refremot', 'Remote', {
        ...{ process: { id: 'procupd1' }, updating: true, remotes_from: { slug, errors: [] }, release: null },
        ...{ installed: update, updates: [update, { ...update, id: 8, name: 'v1.3.0', ready: false }], errors: [] },
      }),
    ],
    otus: [
      otu('otubuilt', 'refbuilt', { last_indexed_version: 0 }),
      otu('otuhalf0', 'refhalf0'),
      otu('otuwork0', 'refwork0'),
    ],
    sequences: [
      sequence('seqbuilt', 'otubuilt', 'refbuilt'),
      sequence('seqhalf0', 'otuhalf0', 'refhalf0'),
      sequence('seqwork0', 'otuwork0', 'refwork0'),
    ],
    history: [
      change('otubuilt', 'refbuilt', { id: 'idxbuilt', version: 0 }),
      change('otuhalf0', 'refhalf0', { id: 'idxhalf0', version: 0 }),
      change('otuwork0', 'refwork0', { id: 'idxwork0', version: 0 }),
      change('otulost0', 'refhalf0', { id: 'idxgone0', version: 0 }),
      // The reference was removed, its history stays for the analyses.
      change('otuover0', 'refgone0', { id: 'idxover0', version: 0 }),
    ],
    indexes: [
      index('idxbuilt', 'refbuilt', {
        ...{ has_files: false, manifest: { otubuilt: 0 }, sequence_otu_map: { seqbuilt: 'otubuilt' } },
      }),
      index('idxhalf0', 'refhalf0', { ready: false, manifest: { otuhalf0: 0 } }),
      index('idxwork0', 'refwork0', { ready: false, manifest: { otuwork0: 0 }, job: { id: 'jobwork0' } }),
    ],
  };
}

function laboratory(): Record<string, Loose[]> {
  const rights = { group: 'none', group_read: true, group_write: true, all_read: true, all_write: true };
  const upload = (id: string) => ({ id, name: id.slice(9), size: READS.length });
  const sample = (_id: string, more: object): Loose => ({
    ...{ _id, name: `Sample ${_id}`, host: '', isolate: '', locale: '', format: 'fastq', imported: false },
    ...{ quality: QUALITY, analyzed: false, hold: true, archived: false, nuvs: false, pathoscope: false },
    ...{
      srna: false,
      paired: false,
      user,
      created_at: DAY(4),
      subtraction: { id: 'Vitis vinifera' },
      ...rights,
      ...more,
    },
  });
  const importing = (_id: string, fileId: string): Loose =>
    sample(_id, { imported: 'ip', quality: null, files: [upload(fileId)] });
  const raw = (_id: string) => ({
    ...{ name: 'reads_1.fq.gz', download_url: `/download/samples/${_id}/reads_1.fq.gz`, size: 100, raw: true },
    from: upload('aaaaaaaa-a.fq'),
  });
  const analysis = (_id: string, more: object): Loose => ({
    ...{ _id, ready: false, created_at: DAY(5), job: { id: `rnd${_id}` }, algorithm: 'pathoscope_bowtie' },
    ...{ sample: { id: 'smpdone0' }, reference: { id: 'refbuilt', name: 'Built' }, user },
    ...{ index: { id: 'idxbuilt', version: 0 }, ...more },
  });
  const file = (_id: string, more: object = {}): Loose => ({
    ...{ _id, name: _id.slice(9), type: 'reads', user, uploaded_at: DAY(4), expires_at: null, created: true },
    ...{ reserved: false, ready: true, size: READS.length, ...more },
  });
  const cache = (_id: string, more: object): Loose => ({
    ...{ _id, created_at: DAY(5), files: [{ name: 'reads_1.fq.gz', size: 80 }], legacy: false, paired: false },
    ...{ hash: '68b60be51a667882d3aaa02a93259dd526e9c990', parameters: { mode: 'pe' }, program: 'skewer-0.2.2' },
    ...{ ready: true, sample: { id: 'smpdone0' }, quality: QUALITY, ...more },
  });
  const subtraction = (_id: string, more: object): Loose => ({
    ...{ _id, nickname: '', ready: false, is_host: true, file: { id: 'ffffffff-host.fa', name: 'host.fa' }, user },
    ...{ job: { id: 'jobhost0' }, ...more },
  });
  return {
    samples: [
      sample('smpdone0', { files: [raw('smpdone0')], pathoscope: true }),
      importing('smpagain', 'bbbbbbbb-b.fq'),
      importing('smplost0', 'cccccccc-c.fq'),
      importing('smpstuck', 'dddddddd-d.fq'),
      sample('smplate0', { files: [raw('smplate0')] }),
      // From before release 3.4, amid the replacement of its reads.
      sample('smpold00', {
        files: [
          { ...raw('smpold00'), name: 'reads_1.fastq', raw: false, size: null, replacement: upload('eeeeeeee-e.fq') },
        ],
        update_job: { id: 'jobrepl0' },
      }),
      sample('smpbare0', { files: [raw('smpbare0')], update_job: { id: 'jobnone0' } }),
    ],
    analyses: [
      analysis('anadone0', { ready: true, results: [], read_count: 3, subtracted_count: 0, job: { id: 'jobdone0' } }),
      analysis('anafile0', { ready: true, results: 'file' }),
      analysis('anaagain', { algorithm: 'nuvs' }),
      analysis('anahalf0', { ready: true, read_count: 3, subtracted_count: 0 }),
      analysis('analost0', { index: { id: 'idxnone0', version: 9 } }),
      analysis('anastuck', {}),
      analysis('anaempty', { ready: true, results: 'file', job: { id: 'jobempty' } }),
    ],
    files: [
      file('aaaaaaaa-a.fq'),
      file('bbbbbbbb-b.fq', { reserved: true }),
      file('cccccccc-c.fq', { reserved: true }),
      file('dddddddd-d.fq', { reserved: true }),
      file('eeeeeeee-e.fq', { reserved: true, type: 'sample_replacement' }),
      file('ffffffff-host.fa', { type: 'subtraction', size: SEQUENCE.length + 7 }),
      file('gggggggg-cut.fq', { ready: false, size: undefined }),
      file('hhhhhhhh-short.fq', { size: READS.length + 5 }),
    ],
    caches: [
      cache('cacgood0', {}),
      cache('cachalf0', { ready: false, files: [], quality: undefined }),
      cache('cacgone0', { sample: { id: 'smpgone0' } }),
    ],
    subtraction: [
      subtraction('Vitis vinifera', { ready: true, gc: { a: 0.2, t: 0.3, g: 0.2, c: 0.3, n: 0 }, count: 1 }),
      subtraction('Apple', { job: { id: 'jobapple' } }),
      subtraction('Pear', { job: { id: 'jobpear0' }, file: { id: 'iiiiiiii-x.fa', name: 'x.fa' } }),
      subtraction('../samples', { ready: true }),
    ],
    hmm: [
      {
        _id: 'hmmdoc01',
        cluster: 1,
        count: 2,
        length: 30,
        names: ['x'],
        entries: [],
        families: {},
        genera: {},
        hidden: false,
      },
    ],
  };
}

function jobs(): Loose[] {
  const entry = (state: string, stage: string | null, progress: number) => {
    return { state, stage, error: null, progress, timestamp: DAY(6) };
  };
  const job = (_id: string, task: string, args: object, reached: [string, string, number][] = []): Loose => {
    const status = [entry('waiting', null, 0), ...reached.map((step) => entry(...step))];
    return { _id, task, args, proc: 2, mem: 4, user, status };
  };
  const uploads = (id: string) => [{ id, name: id.slice(9), size: READS.length }];
  const analysis = (analysis_id: string, more: object = {}) => ({
    ...{ analysis_id, ref_id: 'refbuilt', sample_id: 'smpdone0', sample_name: 'Sample', index_id: 'idxbuilt', ...more },
  });
  const running = (stage: string): [string, string, number][] => [['running', stage, 0.2]];
  const ended = (stage: string): [string, string, number][] => [
    ['running', stage, 0.5],
    ['complete', stage, 1],
  ];
  return [
    job('jobdone0', 'pathoscope_bowtie', analysis('anadone0'), ended('cleanup_indexes')),
    job('jobfile0', 'pathoscope_bowtie', analysis('anafile0'), ended('cleanup_indexes')),
    job('jobagain', 'nuvs', analysis('anaagain'), running('assemble')),
    job('jobhalf0', 'pathoscope_bowtie', analysis('anahalf0'), running('import_results')),
    job('joblost0', 'pathoscope_bowtie', analysis('analost0', { index_id: 'idxnone0' })),
    job(
      'jobsmp00',
      'create_sample',
      { sample_id: 'smpagain', files: uploads('bbbbbbbb-b.fq'), srna: false },
      running('fastqc'),
    ),
    job('jobsmp01', 'create_sample', { sample_id: 'smplost0', files: uploads('cccccccc-c.fq'), srna: false }),
    // Killed after the product was ready, before that was noted.
    job(
      'jobsmp02',
      'create_sample',
      { sample_id: 'smplate0', files: uploads('aaaaaaaa-a.fq'), srna: false },
      running('clean_watch'),
    ),
    job('jobrepl0', 'update_sample', { sample_id: 'smpold00' }, running('fastqc')),
    job(
      'jobapple',
      'create_subtraction',
      { subtraction_id: 'Apple', file_id: 'ffffffff-host.fa' },
      running('set_stats'),
    ),
    job('jobwork0', 'build_index', {
      ref_id: 'refwork0',
      user_id: 'alice',
      index_id: 'idxwork0',
      index_version: 0,
      manifest: { otuwork0: 0 },
    }),
    job('jobodd00', 'make_coffee', {}),
    job('jobmute0', 'nuvs', {}),
    // One of this server, which begins it again by itself.
    { ...job('jobours0', 'nuvs', { analysis_id: 'none' }), created_at: DAY(6) },
  ];
}

function processes(): Loose[] {
  const process = (_id: string, type: string, step: string, more: object): Loose => ({
    ...{
      _id,
      type,
      step,
      progress: 0.5,
      count: 1,
      complete: false,
      created_at: DAY(3),
      resumable: false,
      context: {},
      ...more,
    },
  });
  return [
    process('procimp1', 'import_reference', 'import_otus', {
      context: { ref_id: 'refwork0', user_id: 'alice', path: '/x' },
    }),
    process('procupd1', 'update_remote_reference', 'update_otus', {
      context: { ref_id: 'refremot', user_id: 'alice' },
    }),
    process('procrem1', 'remote_reference', 'create_history', { progress: 1 }),
    process('procdel1', 'delete_reference', 'remove_indexes', { context: { ref_id: 'refgone1', user_id: 'alice' } }),
    process('hmmproc1', 'install_hmms', 'unpack', {}),
    process('procsoft', 'update_software', 'download', { context: { file_size: 1 } }),
    process('procdone', 'clone_reference', 'create_history', {
      complete: true,
      progress: 1,
      context: { ref_id: 'refbuilt' },
    }),
  ];
}
