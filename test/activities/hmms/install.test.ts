import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ActivityDeps } from '../../../src/activities/deps.js';
import { createInstallHmmsActivities, createInstallHmmsTools } from '../../../src/activities/hmms/install.js';
import { openHmmProfiles } from '../../../src/activities/hmms/profiles.js';
import { sweepHmms } from '../../../src/activities/hmms/sweep.js';
import type { Download } from '../../../src/contracts/releases.js';
import type { RemoteServices } from '../../../src/contracts/remote.js';
import { createDataDirectory } from '../../../src/files/data_directory.js';
import { collectText, runTool } from '../../../src/tools/runner.js';
import { testFolder } from '../../support/folders.js';
import { annotationOf, beginInstall, releaseAnswer } from '../../support/hmms.js';
import { quietLogger } from '../../support/logger.js';
import { refusedWith } from '../../support/processes.js';
import { unreachableServices } from '../../support/remote.js';
import { testStore } from '../../support/store.js';

const bad = (name: string) => fileURLToPath(new URL(`../../data/bad/hmm_${name}.tar.gz`, import.meta.url));
const SILENT = new DefaultLogger('ERROR');
const PAGE = { page: 1, perPage: 25 };
const PRESSED = ['annotations.json', 'profiles.hmm', 'profiles.hmm.h3f', 'profiles.hmm.h3i', 'profiles.hmm.h3m'];
PRESSED.push('profiles.hmm.h3p');
const signal = new AbortController().signal;

let deps: ActivityDeps & { remote: RemoteServices };
let dispose: () => Promise<void>;
beforeAll(async () => {
  const opened = await testStore();
  dispose = opened.dispose;
  deps = { store: opened.store, data: createDataDirectory('.'), log: quietLogger, remote: unreachableServices() };
});
beforeEach(async () => {
  deps.data = createDataDirectory(testFolder());
  await deps.data.create();
  const { database } = deps.store;
  for (const name of ['hmm', 'status', 'analyses', 'jobs', 'processes'])
    await database.db.collection(name).deleteMany({});
  serve(bad('good'));
});
afterAll(() => dispose());

let downloads: Download[] = [];
function serve(path: string): void {
  downloads = [];
  deps.remote.releases.download = async (download) => {
    downloads.push(download);
    copyFileSync(path, download.path);
    const { size } = statSync(path);
    for (const part of [0.3, 0.6, 1]) download.onBytes(Math.round(size * part));
    return { ok: true, bytes: size };
  };
}

/** An installation that was asked for, of an archive. */
async function request(path = bad('good')) {
  serve(path);
  const processId = await beginInstall(deps.store, releaseAnswer('v1.0.0', { size: statSync(path).size }));
  const control = createInstallHmmsActivities(deps);
  const tools = createInstallHmmsTools(deps);
  const environment = (attempt: number) => new MockActivityEnvironment({ attempt }, { logger: SILENT });
  const input = { processId };
  const unpackInput = { ...input, jobId: `process-${processId}`, cost: { proc: 1, mem: 1 }, last: true as const };
  return {
    processId,
    process: () => deps.store.processes.get(processId),
    download: (attempt = 1) => environment(attempt).run(control.downloadHmms, input),
    unpack: (attempt = 1) => environment(attempt).run(tools.unpackHmms, unpackInput),
    import: (attempt = 1) => environment(attempt).run(control.importHmms, input),
    undo: (errors: { id: string; message: string }[]) =>
      environment(1).run(control.undoInstallHmms, { ...input, errors }),
    async all() {
      await this.download();
      await this.unpack();
      await this.import();
    },
  };
}

const clusters = async () => (await deps.store.hmms.list(undefined, PAGE)).documents.map(({ cluster }) => cluster);
const insertOld = (_id: string, cluster: number) =>
  deps.store.hmms.collection.insertOne({ _id, ...annotationOf(cluster), hidden: false });

function archiveOf(files: Record<string, string | Buffer>): string {
  const folder = testFolder();
  mkdirSync(join(folder, 'hmm'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, 'hmm', name), content);
  execFileSync('tar', ['-czf', join(folder, 'made.tar.gz'), '-C', folder, 'hmm']);
  return join(folder, 'made.tar.gz');
}

function contentOf(name: string): Buffer {
  return execFileSync('tar', ['-xzOf', bad('good'), `hmm/${name}`]);
}

describe('a good archive', () => {
  test('becomes HMMs and pressed profiles, and nothing else is left', async () => {
    const made = await request();
    await made.all();
    expect(await clusters()).toHaveLength(3);
    expect(await made.process()).toMatchObject({
      type: 'install_hmms',
      complete: true,
      progress: 1,
      step: 'import_annotations',
    });
    expect(readdirSync(deps.data.hmmInstallation(made.processId)).sort()).toEqual(PRESSED);
    expect(readdirSync(deps.data.hmm).sort()).toEqual(['incoming', 'installations', 'profiles.hmm']);
    expect(readdirSync(deps.data.hmmIncoming)).toEqual([]);
    expect(readFileSync(deps.data.hmmProfiles).equals(contentOf('profiles.hmm'))).toBe(true);
    const [first] = JSON.parse(contentOf('annotations.json').toString());
    const stored = await deps.store.hmms.collection.findOne({ cluster: first.cluster });
    expect(stored).toEqual({ ...first, _id: stored?._id, hidden: false, installation: made.processId });
  });

  test('can be searched with at once, under the ids of its HMMs', async () => {
    const made = await request();
    await made.all();
    const profiles = await openHmmProfiles(deps, { signal });
    expect(profiles).toMatchObject({ installation: made.processId });
    const fasta = join(testFolder(), 'orfs.fa');
    writeFileSync(fasta, '>sequence_0.0\nMKVLAAGIVGLCAKWERTYHDNSPQFMKLIEEGH\n');
    const run = runTool(
      { argv: ['hmmscan', '--cpu', '0', profiles?.path ?? '', fasta] },
      { signal, stdout: collectText() },
    );
    expect((await run).output).toMatch(/Target model\(s\): +3 /);
    expect((await deps.store.hmms.clusterIds(profiles?.installation)).size).toBe(3);
  });

  test('shows its download in hundredths, with the bytes that came', async () => {
    const made = await request();
    const { setStep } = deps.store.processes;
    const steps: unknown[] = [];
    deps.store.processes.setStep = (id, progress) => {
      steps.push(progress);
      return setStep(id, progress);
    };
    await made.all();
    deps.store.processes.setStep = setStep;
    const { size } = statSync(bad('good'));
    expect(steps).toEqual([
      { step: 'download', progress: 0.12, count: Math.round(size * 0.3) },
      { step: 'download', progress: 0.24, count: Math.round(size * 0.6) },
      { step: 'download', progress: 0.4, count: size },
      { step: 'unpack', progress: 0.4 },
      { step: 'install_profiles', progress: 0.6 },
      { step: 'import_annotations', progress: 0.8 },
      { step: 'import_annotations', progress: 1, count: 3 },
    ]);
  });

  test('replaces the former installation', async () => {
    const first = await request();
    await first.all();
    const second = await request();
    await second.all();
    expect(await deps.store.hmms.collection.countDocuments()).toBe(3);
    expect(readdirSync(deps.data.hmmInstallations)).toEqual([second.processId]);
    expect(existsSync(deps.data.hmmProfiles)).toBe(true);
  });

  test('replaces what an old release installed', async () => {
    writeFileSync(deps.data.hmmProfiles, 'old profiles');
    await insertOld('old00001', 1);
    await (await request()).all();
    expect(await deps.store.hmms.get('old00001')).toBeNull();
    expect(readFileSync(deps.data.hmmProfiles).equals(contentOf('profiles.hmm'))).toBe(true);
  });
});

describe('a bad archive', () => {
  const annotations = (change: (list: Record<string, unknown>[]) => unknown) =>
    archiveOf({
      'profiles.hmm': contentOf('profiles.hmm'),
      'annotations.json': JSON.stringify(change(JSON.parse(contentOf('annotations.json').toString()))),
    });

  test.each<[string, () => string, string]>([
    ['path_traversal', () => bad('path_traversal'), 'outside'],
    ['absolute_path', () => bad('absolute_path'), 'outside'],
    ['link_out', () => bad('link_out'), 'something else than files'],
    ['other_folder', () => bad('other_folder'), 'more than the folder hmm'],
    ['no_annotations', () => bad('no_annotations'), 'lacks hmm/annotations.json'],
    ['no_profiles', () => bad('no_profiles'), 'lacks hmm/profiles.hmm'],
    ['truncated', () => bad('truncated'), 'damaged, cut'],
    ['not_tar', () => bad('not_tar'), 'damaged, cut'],
    ['annotations_not_json', () => bad('annotations_not_json'), 'not valid JSON'],
    ['profile_without_annotation', () => bad('profile_without_annotation'), 'Profiles without annotation: cluster'],
    ['profiles_not_hmm', () => bad('profiles_not_hmm'), 'holds no profile'],
    [
      'annotation without profile',
      () => annotations((list) => [...list, { ...list[0], cluster: 99999 }]),
      'Annotations without profile: cluster 99999',
    ],
    ['repeated annotation', () => annotations((list) => [...list, list[0]]), 'More than one annotation for cluster'],
    [
      'annotation of another form',
      () => annotations(([first, ...rest]) => [{ ...first, names: 'x' }, ...rest]),
      '0.names',
    ],
    ['annotations that are no list', () => annotations(() => ({})), 'not as they should be'],
    [
      'profiles that hmmpress cannot read',
      () =>
        archiveOf({
          'annotations.json': contentOf('annotations.json'),
          'profiles.hmm': contentOf('profiles.hmm').subarray(0, -500),
        }),
      'The profiles cannot be used: hmmpress ended with code 1',
    ],
  ])('%s: what was installed stays, and the next installation can begin', async (_, archive, message) => {
    const former = await request();
    await former.all();
    const before = await clusters();
    const made = await request(archive());
    await made.download();
    const errors = await refusedWith(made.unpack());
    expect(errors).toHaveLength(1);
    expect(errors[0]?.message).toContain(message);
    await made.undo(errors);

    expect(await clusters()).toEqual(before);
    expect(await deps.store.hmmStatus.get()).toMatchObject({
      installed: { ready: true },
      installation: former.processId,
      process: null,
    });
    expect(await openHmmProfiles(deps, { signal })).toMatchObject({ installation: former.processId });
    expect(readdirSync(deps.data.hmmInstallations)).toEqual([former.processId]);
    expect(readdirSync(deps.data.hmmIncoming)).toEqual([]);
    expect(await made.process()).toMatchObject({ complete: false, errors });
    await (await request()).all();
    expect(await clusters()).toHaveLength(3);
  });
});

describe('a download', () => {
  test('that fails is tried again a few times, then ends the installation', async () => {
    const made = await request();
    deps.remote.releases.download = async () => ({ ok: false, trouble: { reason: 'unreachable' } });
    await expect(made.download(1)).rejects.toMatchObject({ type: 'DownloadFailed', nonRetryable: false });
    expect(await refusedWith(made.download(4))).toEqual([{ id: 'download', message: 'Could not download HMM data' }]);
  });

  test('of a file that is gone ends the installation at once', async () => {
    const made = await request();
    deps.remote.releases.download = async () => ({ ok: false, trouble: { reason: 'not_found' } });
    expect(await refusedWith(made.download(1))).toEqual([{ id: 'download', message: 'Could not download HMM data' }]);
  });

  test('of another size than announced is no download', async () => {
    const made = await request();
    const { download } = deps.remote.releases;
    deps.remote.releases.download = async (wanted) => {
      await download(wanted);
      return { ok: true, bytes: 5 };
    };
    await expect(made.download(1)).rejects.toMatchObject({ type: 'DownloadFailed' });
    expect(downloads[0]?.limitBytes).toBe(statSync(bad('good')).size);
  });

  test('takes the release that was asked for, also when there is a newer one by then', async () => {
    const made = await request();
    await deps.store.hmmStatus.refreshRelease(async () =>
      releaseAnswer('v2.0.0', { download_url: 'https://example.org/other' }),
    );
    await made.download();
    expect(downloads[0]?.url).toBe('https://example.org/hmm.tar.gz');
  });
});

describe('an interrupted installation', () => {
  test('goes on in every step with what is there', async () => {
    const made = await request();
    await made.download();
    await made.download(2);
    expect(downloads).toHaveLength(1);
    await made.unpack();
    await made.unpack(2);
    await made.download(3);
    expect(downloads).toHaveLength(1);
    await made.import();
    await made.import(2);
    expect(await deps.store.hmms.collection.countDocuments()).toBe(3);
    expect(await clusters()).toHaveLength(3);
  });

  test('stops when the data are removed meanwhile, and leaves nothing', async () => {
    const made = await request();
    await made.download();
    await made.unpack();
    await deps.store.hmmStatus.purge();
    const errors = await refusedWith(made.import());
    await made.undo(errors);
    expect(await deps.store.hmms.collection.countDocuments()).toBe(0);
    expect(readdirSync(deps.data.hmmInstallations)).toEqual([]);
    expect(await made.process()).toMatchObject({ complete: false, errors: [{}] });
  });

  test('is left alone by a late undoing once it is complete', async () => {
    const made = await request();
    await made.all();
    await made.undo([{ id: 'unhandled', message: 'late' }]);
    expect(await clusters()).toHaveLength(3);
    expect(await openHmmProfiles(deps, { signal })).toBeDefined();
  });

  test('that has ended does nothing', async () => {
    const made = await request();
    await made.undo([{ id: 'cancelled', message: 'Cancelled' }]);
    expect(await made.download()).toBe(false);
    await made.unpack();
    await made.import();
    expect(await deps.store.hmms.collection.countDocuments()).toBe(0);
  });
});

describe('the profiles of an old release', () => {
  test('are pressed at their first use, once', async () => {
    writeFileSync(deps.data.hmmProfiles, contentOf('profiles.hmm'));
    const first = await openHmmProfiles(deps, { signal });
    expect(first).toMatchObject({ installation: null });
    const pressed = statSync(`${first?.path}.h3m`).mtimeMs;
    const again = await openHmmProfiles(deps, { signal });
    expect(statSync(`${again?.path}.h3m`).mtimeMs).toBe(pressed);
    await sweepHmms(deps);
    expect(existsSync(`${first?.path}.h3m`)).toBe(true);
  });

  test('are none when there are none', async () => {
    expect(await openHmmProfiles(deps, { signal })).toBeUndefined();
  });
});

describe('a sweep', () => {
  const insertAnalysis = (_id: string, results: unknown) =>
    deps.store.analyses.collection.insertOne({
      _id,
      algorithm: 'nuvs',
      ready: true,
      sample: { id: 's1' },
      results,
    } as never);
  const contig = (hit: string) => ({ orfs: [{ hits: [{ hit }] }, { hits: [] }] });

  test('hides the HMMs that results name, wherever these are stored, and removes the others', async () => {
    for (const [index, id] of ['old00001', 'old00002', 'old00003'].entries()) await insertOld(id, index);
    await insertAnalysis('a1', [contig('old00001'), contig('unknown0')]);
    await insertAnalysis('a2', 'file');
    await insertAnalysis('a3', 'file');
    const folder = deps.data.analysis('s1', 'a2');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'results.json'), JSON.stringify([contig('old00002')]));
    await (await request()).all();
    expect(await deps.store.hmms.get('old00001')).toMatchObject({ hidden: true });
    expect(await deps.store.hmms.get('old00002')).toMatchObject({ hidden: true });
    expect(await deps.store.hmms.get('old00003')).toBeNull();
    expect(await clusters()).toHaveLength(3);
  });

  // A search that has begun goes on with the profiles and HMMs that it began with.
  test('waits until no search runs or waits', async () => {
    const first = await request();
    await first.all();
    const job = { task: 'nuvs', args: {}, proc: 1, mem: 1, userId: 'bob' };
    await deps.store.database.transaction((session) => deps.store.jobs.insert({ _id: 'job00001', ...job }, session));
    const second = await request();
    await second.all();
    expect(readdirSync(deps.data.hmmInstallations)).toHaveLength(2);
    expect((await deps.store.hmms.clusterIds(first.processId)).size).toBe(3);
    expect(await deps.store.hmms.countOf(first.processId)).toBe(3);
    await deps.store.jobs.close('job00001', { state: 'cancelled', error: null });
    expect(await sweepHmms(deps)).toEqual({ removed: 3, hidden: 0, folders: 1 });
    expect(readdirSync(deps.data.hmmInstallations)).toEqual([second.processId]);
  });

  test('leaves an installation in progress alone', async () => {
    const made = await request();
    await made.download();
    await deps.store.hmms.stage(made.processId, [annotationOf(1)]);
    await sweepHmms(deps);
    await made.unpack();
    await sweepHmms(deps);
    expect(await deps.store.hmms.countOf(made.processId)).toBe(1);
    await deps.store.hmms.removeOf(made.processId);
    await made.import();
    expect(await clusters()).toHaveLength(3);
  });

  test('after a removal leaves no profiles', async () => {
    await (await request()).all();
    await deps.store.hmmStatus.purge();
    await sweepHmms(deps);
    expect(readdirSync(deps.data.hmmInstallations)).toEqual([]);
    expect(existsSync(deps.data.hmmProfiles)).toBe(false);
    expect(await deps.store.hmms.collection.countDocuments()).toBe(0);
    expect(await openHmmProfiles(deps, { signal })).toBeUndefined();
  });
});
