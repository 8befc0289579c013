import { randomBytes } from 'node:crypto';
import { type Db, MongoClient } from 'mongodb';
import { inject } from 'vitest';

/** A database of its own, dropped by `dispose`. `url` has no database name. */
export type TestDatabase = { client: MongoClient; db: Db; url: string; name: string; dispose(): Promise<void> };

/** Makes an empty database with a random name on the run's MongoDB. */
export async function testDatabase(): Promise<TestDatabase> {
  const url = inject('mongoUrl');
  const name = uniqueName('test');
  const client = await MongoClient.connect(url, { maxPoolSize: 20, writeConcern: { w: 'majority' } });
  const db = client.db(name);
  return {
    client,
    db,
    url,
    name,
    async dispose() {
      await db.dropDatabase();
      await client.close(true);
    },
  };
}

/** `host:port` of the run's Temporal server. */
export function temporalAddress(): string {
  return inject('temporalAddress');
}

/** File of the run's workflow bundle, for `workflowBundle: { codePath }`. Throws why there is none. */
export function workflowBundlePath(): string {
  const bundle = inject('workflowBundle');
  if ('path' in bundle) return bundle.path;
  throw new Error(`The workflows could not be bundled: ${bundle.error}`);
}

/** A name that no other test uses, of lower-case letters, digits and underscores. */
export function uniqueName(prefix: string): string {
  return `${prefix}_${randomBytes(6).toString('hex')}`;
}
