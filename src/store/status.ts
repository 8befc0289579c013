import { randomUUID } from 'node:crypto';
import type { SoftwareAnswer, SoftwareRelease } from '../contracts/releases.js';
import type { Database, Stored } from './database/database.js';
import { compareVersions } from './semantic_version.js';
import type { Settings } from './settings.js';

/** What is known about newer releases of the server. */
export type SoftwareStatus = {
  version: string;
  installed: null;
  process: null;
  releases: SoftwareRelease[];
  updating: boolean;
  errors?: string[];
};
export type SoftwareStatusDocument = Stored & SoftwareStatus;

const NO_STATUS: SoftwareStatus = { version: '', installed: null, process: null, releases: [], updating: false };

/** The status documents of software and HMMs. */
export function createStatusStore(database: Database) {
  const status = database.collection<SoftwareStatusDocument>('status');
  const software = async (): Promise<SoftwareStatus> => {
    const { _id, ...found } = (await status.findOne({ _id: 'software' })) ?? { _id: 'software', ...NO_STATUS };
    return found;
  };
  return {
    /** What is known about newer releases of the server. */
    software,

    /**
     * Asks for the releases of the server and notes those that are newer and of the channel. Trouble is noted in `errors`,
     * and the known releases stay.
     */
    async refreshSoftware(
      channel: Settings['software_channel'],
      ask: () => Promise<SoftwareAnswer>,
    ): Promise<SoftwareAnswer> {
      const answer = await ask();
      const { version } = await software();
      const change = answer.ok
        ? { releases: newerReleases(answer.releases, channel, version), errors: [] }
        : { errors: ['Could not retrieve software releases'] };
      await status.updateOne({ _id: 'software' }, { $set: change }, { upsert: true });
      return answer;
    },

    /** Tells this installation from others that share a Temporal server with it; drawn once, and kept with the database. */
    async installationId(): Promise<string> {
      const found = await database
        .collection<Stored & { installation: string }>('status')
        .findOneAndUpdate(
          { _id: 'installation' },
          { $setOnInsert: { installation: randomUUID() } },
          { upsert: true, returnDocument: 'after' },
        );
      if (!found) throw new Error('The installation has no id');
      return found.installation;
    },

    /** Makes the documents that must exist, and notes the running version; to be called when the server starts. */
    async ensure(version: string): Promise<void> {
      // What was known before this version, or by release 3.7.3, need not be newer than it.
      const releases = releasesOf((await software()).releases, version).filter(
        ({ name }) => (compareVersions(name, version) ?? 0) > 0,
      );
      await status.updateOne(
        { _id: 'software' },
        {
          $set: { version, process: null, updating: false, releases },
          $setOnInsert: { installed: null, errors: [] },
        },
        { upsert: true },
      );
      await database.db
        .collection<Stored>('status')
        .updateOne(
          { _id: 'hmm' },
          { $setOnInsert: { installed: null, process: null, updates: [], release: null, errors: [] } },
          { upsert: true },
        );
      await status.deleteMany({ _id: { $in: ['software_update', 'version'] } });
    },
  };
}

/** Versions 1 to 3 are those of the product that this one follows; they are no updates of this one, which leaves these numbers out. */
const OF_ORIGINAL = /^v?[1-3]\./;

// A server that is told to call itself by such a version goes by its releases.
function isOfOriginal(name: string): boolean {
  return OF_ORIGINAL.test(name.trim());
}

/** The releases of the product that has this version. */
function releasesOf(releases: readonly SoftwareRelease[], version: string): SoftwareRelease[] {
  return releases.filter(({ name }) => isOfOriginal(name) === isOfOriginal(version));
}

const UNWANTED: Record<Settings['software_channel'], readonly string[]> = {
  stable: ['alpha', 'beta'],
  beta: ['alpha'],
  alpha: [],
};

/** The first releases of the list, which is newest first, that are of the product, of the channel and newer than the version. */
function newerReleases(
  releases: readonly SoftwareRelease[],
  channel: Settings['software_channel'],
  version: string,
): SoftwareRelease[] {
  const wanted = releasesOf(releases, version).filter(
    ({ name }) => !UNWANTED[channel].some((word) => name.includes(word)),
  );
  const end = wanted.findIndex(({ name }) => !((compareVersions(name, version) ?? 0) > 0));
  return end < 0 ? wanted : wanted.slice(0, end);
}
