import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const SAFE_NAME = /^[^/\\\0]{1,255}$/;

/** Whether a text may be one part of a path: not empty, no separator, no NUL, not `.` or `..`. */
export function isSafeName(name: string): boolean {
  return SAFE_NAME.test(name) && name !== '.' && name !== '..' && Buffer.byteLength(name) <= 255;
}

/**
 * Joins one safe name to a folder.
 *
 * @throws Error when the name could reach another folder; ids are checked before they come here.
 */
export function joinName(folder: string, name: string): string {
  if (!isSafeName(name)) throw new Error(`Unsafe file name: ${JSON.stringify(name.slice(0, 80))}`);
  return join(folder, name);
}

/** Characters that bowtie2 misreads in a path: its wrapper makes shell text of them, or splits at them. */
const MISREAD = /["'`$,*?[\]{}~<>|]/g;

/**
 * Folder name of a subtraction: lower case, blanks as underscores. A name with characters that bowtie2 misreads gets
 * underscores for them and a hash behind, so that two names never share a folder.
 */
export function subtractionSlug(subtractionId: string): string {
  const plain = subtractionId.replaceAll(' ', '_').toLowerCase();
  const safe = plain.replace(MISREAD, '_');
  return safe === plain ? plain : `${safe}-${createHash('sha256').update(subtractionId).digest('hex').slice(0, 8)}`;
}

/** Whether a subtraction lies in the same folder as another one of these; releases before this server let that happen. */
export function sharesFolder(subtractionId: string, all: readonly string[]): boolean {
  const slug = subtractionSlug(subtractionId);
  return all.some((other) => other !== subtractionId && subtractionSlug(other) === slug);
}

/** The data directory's layout; every path of the server comes from here. */
export type DataDirectory = ReturnType<typeof createDataDirectory>;

/** Paths below the data directory `root`. All names are checked. */
export function createDataDirectory(root: string) {
  const base = resolve(root);
  const files = join(base, 'files');
  const samples = join(base, 'samples');
  const caches = join(base, 'caches');
  const subtractions = join(base, 'subtractions');
  const references = join(base, 'references');
  const hmm = join(base, 'hmm');
  const hmmInstallations = join(hmm, 'installations');
  const downloads = join(base, 'downloads');
  const jobLogs = join(base, 'logs', 'jobs');
  return {
    root: base,
    /** An upload, by its file id. */
    file: (fileId: string) => joinName(files, fileId),
    files,
    /** A sample's folder. */
    sample: (sampleId: string) => joinName(samples, sampleId),
    /** An analysis' folder. */
    analysis: (sampleId: string, analysisId: string) =>
      joinName(join(joinName(samples, sampleId), 'analysis'), analysisId),
    cache: (cacheId: string) => joinName(caches, cacheId),
    caches,
    subtraction: (subtractionId: string) => joinName(subtractions, subtractionSlug(subtractionId)),
    reference: (referenceId: string) => joinName(references, referenceId),
    index: (referenceId: string, indexId: string) => joinName(joinName(references, referenceId), indexId),
    hmm,
    /** Profiles of the installed HMMs, where release 3.7.3 has them. Work with {@link hmmInstallation} instead. */
    hmmProfiles: join(hmm, 'profiles.hmm'),
    hmmInstallations,
    /**
     * Folder of one installation of HMMs: `profiles.hmm`, beside it the four files that hmmpress makes of it, and
     * `annotations.json`. It appears whole and what is in it is never changed, so analyses go on with the one that they began with.
     */
    hmmInstallation: (installationId: string) => joinName(hmmInstallations, installationId),
    /** Archives that are being downloaded and unpacked, by the id of their process. */
    hmmIncoming: join(hmm, 'incoming'),
    /** What a process downloads for a reference, until the process ends. */
    download: (processId: string) => joinName(downloads, processId),
    jobLog: (jobId: string) => joinName(jobLogs, jobId),
    /** Creates the folders that must exist before anything runs. */
    async create(): Promise<void> {
      for (const folder of [files, samples, caches, subtractions, references, hmm, jobLogs]) {
        await mkdir(folder, { recursive: true });
      }
    },
  };
}
