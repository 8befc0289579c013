import type { Database, Stored } from '../../store/database.js';

type IndexDocument = Stored & {
  version: number;
  created_at: Date;
  user: { id: string };
  ready: boolean;
  reference: { id: string };
};

/** `otu_count` and `latest_build` of references, which clients otherwise lose when a message replaces a list item. */
export async function referenceExtras(
  database: Database,
  ids: readonly string[],
): Promise<Map<string, Record<string, unknown>>> {
  const extras = await Promise.all(
    ids.map(async (id): Promise<[string, Record<string, unknown>]> => {
      const [otuCount, index] = await Promise.all([
        database.collection('otus').countDocuments({ 'reference.id': id }),
        database
          .collection<IndexDocument>('indexes')
          .findOne(
            { 'reference.id': id, ready: true },
            { sort: { version: -1 }, projection: { version: 1, created_at: 1, user: 1 } },
          ),
      ]);
      const latest = index && {
        id: index._id,
        version: index.version,
        created_at: index.created_at,
        user: index.user,
      };
      return [id, { otu_count: otuCount, latest_build: latest }];
    }),
  );
  return new Map(extras);
}
