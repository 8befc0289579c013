import type { ReleaseAnswer } from '../../src/contracts/releases.js';
import type { HmmAnnotation } from '../../src/store/hmms/hmms.js';
import type { Store } from '../../src/store/index.js';

/** What is known of a cluster; its only name is `protein <cluster>` unless given. */
export function annotationOf(cluster: number, changes: Partial<HmmAnnotation> = {}): HmmAnnotation {
  return {
    cluster,
    count: 2,
    length: 100,
    mean_entropy: 0.5,
    total_entropy: 50,
    names: [`protein ${cluster}`],
    families: { None: 2 },
    genera: { None: 2 },
    entries: [{ accession: 'NP_1.1', gi: '1', name: 'protein', organism: 'Virus' }],
    ...changes,
  };
}

/** An answer of the release service with a release of this name. */
export function releaseAnswer(name: string, changes: { size?: number; download_url?: string } = {}): ReleaseAnswer {
  return {
    ok: true,
    release: {
      id: 6001,
      name,
      body: `Notes for ${name}`,
      etag: `W/"${name}"`,
      filename: 'hmm.tar.gz',
      size: 100,
      html_url: `https://example.org/${name}`,
      download_url: 'https://example.org/hmm.tar.gz',
      published_at: '2019-06-12T19:20:57Z',
      content_type: 'application/gzip',
      ...changes,
    },
  };
}

/** Asks for an installation of the latest release; gives the id of its process. */
export async function beginInstall(store: Store, answer = releaseAnswer('v1.0.0')): Promise<string> {
  await store.hmmStatus.refreshRelease(async () => answer);
  const begun = await store.hmmStatus.beginInstall('bob');
  if (typeof begun === 'string') throw new Error(begun);
  return begun.process._id;
}

/** Makes an installation of these clusters the current one; gives its name. */
export async function install(store: Store, clusters: readonly number[]): Promise<string> {
  const processId = await beginInstall(store);
  await store.hmms.stage(
    processId,
    clusters.map((cluster) => annotationOf(cluster)),
  );
  if (!(await store.hmmStatus.publish(processId, 'import_annotations'))) throw new Error('not published');
  return processId;
}
