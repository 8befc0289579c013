import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyProfiles, openHmmParts } from '../../../src/activities/hmms/parts.js';
import { createNuvsSteps } from '../../../src/activities/nuvs/steps.js';
import { forEachAtOnce } from '../../../src/activities/parallel.js';
import { runTool } from '../../../src/tools/runner.js';
import { goldenJson, goldenText } from '../../bio/golden.js';
import { quietLogger } from '../../support/logger.js';
import { type NuvsJob, type NuvsLab, nuvsLab } from '../../support/nuvs_lab.js';

type Figures = Record<'full_e' | 'full_score' | 'full_bias' | 'best_e' | 'best_score' | 'best_bias', number>;
type Orf = { pos: [number, number]; hits: (Figures & { hit: string })[] };
type Contig = { index: number; sequence: string; orfs: Orf[] };

const golden = goldenJson<{ annotation_ids: Record<string, string>; before: Contig[]; results: Contig[] }>(
  'hmm/expected.json',
);

let lab: NuvsLab;
beforeAll(async () => {
  lab = await nuvsLab();
});
afterAll(() => lab?.dispose());

const steps = () => createNuvsSteps({ ...lab, log: quietLogger });
const installationOf = async (job: NuvsJob) =>
  lab.data.hmmInstallation(JSON.parse(await readFile(join(job.folder, 'hmm.json'), 'utf8')).folder);

/** A job whose ORFs are those of the golden assembly. */
async function goldenJob(): Promise<NuvsJob> {
  const job = await lab.newJob([]);
  await job.run(steps().makeNuvsDir);
  await writeFile(join(job.folder, 'contigs.json'), JSON.stringify(golden.before));
  await writeFile(join(job.folder, 'orfs.fa'), goldenText('hmm/orfs.fa'));
  return job;
}

/** The table of hmmscan, less the comments behind its hits. */
function withoutEnd(table: string): string {
  return table.slice(0, table.indexOf('\n#\n') + 1);
}

/** Columns that count domains by limits that depend on how many hits the program sees; results do not hold them. */
function withoutCounts(table: string): string {
  return table.replace(/( +\d+){2} -$/gm, ' -');
}

describe('the search', () => {
  test.each([1, 2])('gives the table of hmmscan, with %d threads', async (threads) => {
    const job = await goldenJob();
    await job.run(steps().prepareProfiles, threads);
    await job.run(steps().searchProfiles, threads);
    const table = await readFile(join(job.folder, 'hmm.tsv'), 'utf8');
    expect(withoutCounts(table)).toBe(withoutCounts(withoutEnd(goldenText('hmm/hmm.tsv'))));
    expect((await readdir(job.folder)).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });

  test('gives the results of the original, the figures of best domains under their right names', async () => {
    const job = await goldenJob();
    await job.run(steps().searchProfiles);
    await job.run(steps().collectNuvsResults);
    const analysis = await lab.store.analyses.get(job.args.analysis_id);
    const results = analysis?.staged_results as Contig[];
    const ids = await lab.store.hmms.clusterIds();
    const clusterOf = new Map(Object.entries(golden.annotation_ids).map(([cluster, id]) => [id, Number(cluster)]));
    expect(results).toEqual(
      golden.results.map((contig) => ({
        ...contig,
        orfs: contig.orfs.map((orf) => ({
          ...orf,
          hits: orf.hits.map((hit) => ({
            ...hit,
            hit: ids.get(clusterOf.get(hit.hit) as number),
            best_score: hit.best_bias,
            best_bias: hit.best_score,
          })),
        })),
      })),
    );
    expect(results.map(({ index }) => index)).toEqual(results.map((_, position) => position));
  });

  // Two digits of the E-value are printed, hmmscan sorts by all: twins of profiles have E-values that are larger by 0.1 %, and names
  // that come first.
  test('orders hits of the same printed E-value as hmmscan does', async () => {
    const job = await goldenJob();
    const installation = await installationOf(job);
    const text = goldenText('hmm/profiles.hmm');
    const twins = text
      .split('//\n')
      .filter((profile) => /^NAME +vFam_(2|24|4)$/m.test(profile))
      .map((profile, i) =>
        profile
          .replace(/^NAME .*$/m, `NAME  vFam_0${i}`)
          .replace(/^(STATS LOCAL FORWARD +)(\S+)/m, (_, start, tau) => start + (Number(tau) + 0.0014).toFixed(4)),
      )
      .map((profile) => `${profile}//\n`);
    expect(twins).toHaveLength(3);
    const profiles = join(installation, 'profiles.hmm');
    await writeFile(profiles, text + twins.join(''));
    await rm(join(installation, 'parts'), { recursive: true, force: true });
    await runTool({ argv: ['hmmpress', '-f', profiles] });
    await job.run(steps().searchProfiles);
    const expected = join(job.folder, 'expected.tsv');
    await runTool({ argv: ['hmmscan', '--tblout', expected, '--noali', profiles, join(job.folder, 'orfs.fa')] });
    const table = await readFile(join(job.folder, 'hmm.tsv'), 'utf8');
    expect(table).toContain('vFam_00');
    expect(withoutCounts(table)).toBe(withoutCounts(withoutEnd(await readFile(expected, 'utf8'))));
    expect(await readFile(lab.data.jobLog(job.input.jobId), 'utf8')).toContain('hmmscan --tblout tied.tsv');
  });

  // hmmscan puts them in the order of their names, so nothing has to be searched again.
  test('orders hits of profiles that are the same by their names, as hmmscan does', async () => {
    const job = await goldenJob();
    const installation = await installationOf(job);
    const text = goldenText('hmm/profiles.hmm');
    const copies = text
      .split('//\n')
      .filter((profile) => /^NAME +vFam_(2|24|4)$/m.test(profile))
      .flatMap((profile) => ['0', '5'].map((digit) => `${profile.replace(/^NAME +vFam_/m, `$&${digit}`)}//\n`));
    expect(copies).toHaveLength(6);
    const profiles = join(installation, 'profiles.hmm');
    await writeFile(profiles, copies.join('') + text);
    await rm(join(installation, 'parts'), { recursive: true, force: true });
    await runTool({ argv: ['hmmpress', '-f', profiles] });
    await job.run(steps().searchProfiles);
    const expected = join(job.folder, 'expected.tsv');
    await runTool({ argv: ['hmmscan', '--tblout', expected, '--noali', profiles, join(job.folder, 'orfs.fa')] });
    const table = await readFile(join(job.folder, 'hmm.tsv'), 'utf8');
    expect(table).toContain('vFam_524');
    expect(withoutCounts(table)).toBe(withoutCounts(withoutEnd(await readFile(expected, 'utf8'))));
    expect(await readFile(lab.data.jobLog(job.input.jobId), 'utf8')).not.toContain('tied');
  });

  test('is refused when the pressed profiles cannot be read', async () => {
    const job = await goldenJob();
    const installation = await installationOf(job);
    await rm(join(installation, 'parts'), { recursive: true, force: true });
    await writeFile(join(installation, 'profiles.hmm.h3i'), 'cut');
    await expect(job.run(steps().prepareProfiles)).rejects.toMatchObject({ type: 'InvalidInput' });
    await runTool({ argv: ['hmmpress', '-f', join(installation, 'profiles.hmm')] });
  });
});

describe('the parts of an installation', () => {
  test('are made once, whoever comes first, and hold all profiles', async () => {
    const installation = await installationOf(await goldenJob());
    await rm(join(installation, 'parts'), { recursive: true, force: true });
    const signal = new AbortController().signal;
    const [first, second] = await Promise.all(['a', 'b'].map((owner) => openHmmParts(installation, owner, signal)));
    expect(second).toEqual(first);
    expect(first?.paths.length).toBeGreaterThan(1);
    const parts = await Promise.all((first?.paths ?? []).map((path) => readFile(path)));
    expect(Buffer.concat(parts).equals(await readFile(join(installation, 'profiles.hmm.h3m')))).toBe(true);
    expect((await readdir(installation)).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });

  test('can be picked by name', async () => {
    const job = await goldenJob();
    const picked = join(job.folder, 'picked.hmm');
    await copyProfiles(await installationOf(job), new Set(['vFam_2', 'vFam_24']), picked);
    await runTool({ argv: ['hmmpress', picked] });
    const index = await readFile(`${picked}.h3i`, 'latin1');
    expect(index).toContain('vFam_24');
    expect(index).not.toContain('vFam_4\0');
  });
});

describe('work on several items at once', () => {
  test('keeps to the limit and begins in order', async () => {
    let running = 0;
    let most = 0;
    const begun: number[] = [];
    await forEachAtOnce([1, 2, 3, 4, 5], 2, new AbortController().signal, async (item) => {
      begun.push(item);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
    });
    expect({ begun, most }).toEqual({ begun: [1, 2, 3, 4, 5], most: 2 });
  });

  test('ends with the first error, after the others were aborted', async () => {
    const aborted: number[] = [];
    const work = forEachAtOnce([1, 2, 3], 2, new AbortController().signal, async (item, signal) => {
      if (item === 1) throw new Error('broken');
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      aborted.push(item);
      signal.throwIfAborted();
    });
    await expect(work).rejects.toThrow('broken');
    expect(aborted).toEqual([2]);
  });

  test('ends with the reason of the caller', async () => {
    const caller = new AbortController();
    const work = forEachAtOnce([1], 1, caller.signal, async (_, signal) => {
      caller.abort(new Error('cancelled'));
      signal.throwIfAborted();
    });
    await expect(work).rejects.toThrow('cancelled');
  });
});
