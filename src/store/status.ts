import type { Database, Stored } from './database.js';

/** A release of the server as the remote service describes it. */
export type SoftwareRelease = { name: string; [field: string]: unknown };

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
  return {
    /** What is known about newer releases of the server. */
    async software(): Promise<SoftwareStatus> {
      const { _id, ...found } = (await status.findOne({ _id: 'software' })) ?? { _id: 'software', ...NO_STATUS };
      return found;
    },

    /** Makes the documents that must exist, and notes the running version; to be called when the server starts. */
    async ensure(version: string): Promise<void> {
      await status.updateOne(
        { _id: 'software' },
        {
          $set: { version, process: null, updating: false },
          $setOnInsert: { installed: null, releases: [], errors: [] },
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
