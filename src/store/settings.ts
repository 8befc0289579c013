import * as v from 'valibot';
import type { Database, Stored } from './database/database.js';

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

/** Where calls of viruses draw their lines: coverage and weight, from 0 to 1. */
const DecisionThresholds = v.pipe(
  v.object({ positive_coverage: share, negative_coverage: share, strong_weight: share }),
  v.check(({ positive_coverage, negative_coverage }) => negative_coverage <= positive_coverage),
);

/** Stored settings with their defaults. A value of another type, as an old server may have left it, gives the default. */
const StoredSettings = v.object({
  sample_group: v.fallback(v.string(), 'none'),
  sample_group_read: v.fallback(v.boolean(), true),
  sample_group_write: v.fallback(v.boolean(), false),
  sample_all_read: v.fallback(v.boolean(), true),
  sample_all_write: v.fallback(v.boolean(), false),
  sample_unique_names: v.fallback(v.boolean(), true),
  hmm_slug: v.fallback(v.string(), 'virtool/virtool-hmm'),
  enable_api: v.fallback(v.boolean(), false),
  enable_sentry: v.fallback(v.boolean(), true),
  software_channel: v.fallback(v.picklist(['stable', 'beta', 'alpha']), 'stable'),
  minimum_password_length: v.fallback(v.pipe(v.number(), v.integer(), v.minValue(1)), 8),
  default_source_types: v.fallback(v.array(v.string()), ['isolate', 'strain']),
  decision_thresholds: v.fallback(DecisionThresholds, {
    positive_coverage: 0.5,
    negative_coverage: 0.2,
    strong_weight: 0.001,
  }),
});

/** What administrators can change at run time. */
export type Settings = v.InferOutput<typeof StoredSettings>;

const SETTINGS_ID = 'settings';

/** Reads and writes of the settings. Every read asks the database, as other processes may have changed them. */
export function createSettingsStore(database: Database) {
  const collection = database.collection<Stored & Record<string, unknown>>('settings');

  const get = async (): Promise<Settings> =>
    v.parse(StoredSettings, (await collection.findOne({ _id: SETTINGS_ID })) ?? {});

  return {
    get,

    /** Inserts the document with the defaults when there is none; to be called when the server starts. */
    async ensure(): Promise<void> {
      const settings = await get();
      await collection.updateOne({ _id: SETTINGS_ID }, { $setOnInsert: settings }, { upsert: true });
    },

    /** Changes some settings and gives them all. */
    async update(changes: { [K in keyof Settings]?: Settings[K] | undefined }): Promise<Settings> {
      if (Object.keys(changes).length > 0) {
        await collection.updateOne({ _id: SETTINGS_ID }, { $set: changes }, { upsert: true });
      }
      return get();
    },
  };
}
