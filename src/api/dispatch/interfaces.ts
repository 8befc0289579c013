import type { Document } from 'mongodb';
import { type GroupDocument, toGroupItem } from '../../store/accounts/groups.js';
import { toUserItem, USER_PROJECTION, type UserDocument } from '../../store/accounts/users.js';
import { ANALYSIS_PROJECTION } from '../../store/analyses.js';
import { CACHE_PROJECTION } from '../../store/caches.js';
import type { Operation } from '../../store/database/change_feed.js';
import type { CollectionName, Stored } from '../../store/database/database.js';
import { fields } from '../../store/database/pages.js';
import { FILE_ACCESS, FILE_PROJECTION } from '../../store/files.js';
import { HISTORY_PROJECTION } from '../../store/history/history.js';
import type { Store } from '../../store/index.js';
import { INDEX_PROJECTION } from '../../store/indexes/index_lists.js';
import { JOB_ACCESS } from '../../store/job_rights.js';
import { JOB_PROJECTION, type JobDocument, toJobListItem } from '../../store/jobs.js';
import { OTU_PROJECTION } from '../../store/otus/otus.js';
import { PROCESS_PROJECTION, type ProcessDocument } from '../../store/processes.js';
import { ONLY_UNSEEN } from '../../store/provenance.js';
import { REFERENCE_ACCESS } from '../../store/references/reference_rights.js';
import { REFERENCE_PROJECTION } from '../../store/references/references.js';
import { SAMPLE_PROJECTION } from '../../store/samples/samples.js';
import { SUBTRACTION_PROJECTION } from '../../store/subtractions.js';
import { withId } from '../http/json.js';
import { toProcessMessage } from '../processes/wire.js';
import {
  type Audience,
  administrators,
  everyone,
  ofFile,
  ofItself,
  ofJob,
  ofProcess,
  ofReference,
  ofSample,
  ofUser,
} from './audiences.js';
import { ADMINISTRATORS, EVERYONE, type Visibility } from './visibility.js';

/** A document in the form of the wire. */
export type WireDocument = Record<string, unknown>;

/** How the changes of one collection are shown to browsers. */
export type Interface = {
  collection: CollectionName;
  /** Its only documents; absent for all of the collection. */
  ids?: readonly string[];
  operations: readonly Operation[];
  /** What is read of a document: no more than the wire and the audience need. */
  projection: Document;
  toWire(document: Document & Stored): WireDocument;
  /** Adds to each document, by id, what is stored elsewhere. */
  extras?(store: Store, ids: readonly string[]): Promise<ReadonlyMap<string, WireDocument>>;
  audience: Audience;
  /** Its rights decide about documents of other interfaces too, which belong to it. */
  parent?: 'sample' | 'reference';
  /** Who learns the id of a deleted document of which nothing is remembered. */
  forgotten: Visibility;
  /**
   * Whether a job still makes the document. When such a one is deleted, its last state is sent once more before: clients of release 3.7.3
   * read a document that they show again after an update, and only so they find that it is gone.
   */
  isUnfinished?(wire: WireDocument): boolean;
  /** The argument of a job that names such a document. */
  argument?: 'sample_id' | 'analysis_id';
  /** Belongs to a reference, whose own message stands for these while bulk work on it runs. */
  standIn?: 'references';
  /** More changes than this within two seconds are bulk work and left out. */
  crowd?: number;
  /** An update that shows nothing new is left out: several events may be answered by one reading, and an end is told once. */
  onlyNews?: boolean;
  /** Change events that no client needs to know, besides those of other operations. */
  ignored?: Document;
  /** Newest first; what is sent when messages may have been lost. Absent: nothing, as clients read these by page. */
  newest?: Document;
};

const ALL = ['insert', 'update', 'delete'] as const;
/**
 * Every interface, named like its collection. Not dispatched: sequences (too large, no client reads them), keys,
 * sessions and sign-in attempts. A field that a document lacks is left out of its message.
 */
export const INTERFACES: readonly Interface[] = [
  {
    collection: 'analyses',
    operations: ALL,
    projection: ANALYSIS_PROJECTION,
    toWire: withId,
    audience: ofSample,
    // Every step notes how it went.
    ignored: ONLY_UNSEEN,
    isUnfinished: ({ ready }) => ready === false,
    argument: 'analysis_id',
    forgotten: EVERYONE,
    newest: { created_at: -1 },
  },
  {
    collection: 'caches',
    operations: ALL,
    projection: CACHE_PROJECTION,
    toWire: withId,
    audience: ofSample,
    forgotten: EVERYONE,
  },
  {
    collection: 'files',
    operations: ALL,
    projection: { ...FILE_PROJECTION, ...FILE_ACCESS },
    toWire: ({ reserved_by: _, ...file }) => withId(file as Stored),
    audience: ofFile,
    forgotten: EVERYONE,
    newest: { uploaded_at: -1 },
  },
  {
    collection: 'groups',
    operations: ALL,
    projection: fields('_id', 'permissions'),
    toWire: (group) => toGroupItem(group as GroupDocument),
    audience: everyone,
    forgotten: EVERYONE,
    newest: { _id: 1 },
  },
  {
    collection: 'history',
    operations: ['insert', 'delete'],
    projection: HISTORY_PROJECTION,
    toWire: withId,
    audience: ofReference,
    forgotten: EVERYONE,
    standIn: 'references',
    crowd: 500,
  },
  {
    // Written in bulk only, and not visible at once; the status document tells of new ones.
    collection: 'hmm',
    operations: ['delete'],
    projection: fields('_id'),
    toWire: withId,
    audience: everyone,
    ignored: { operationType: { $in: ['insert', 'update', 'replace'] } },
    forgotten: EVERYONE,
  },
  {
    collection: 'indexes',
    operations: ALL,
    projection: INDEX_PROJECTION,
    toWire: withId,
    audience: ofReference,
    forgotten: EVERYONE,
    newest: { created_at: -1 },
  },
  {
    collection: 'jobs',
    operations: ALL,
    projection: { ...JOB_PROJECTION, ...JOB_ACCESS },
    toWire: (job) => toJobListItem(job as JobDocument),
    audience: ofJob,
    forgotten: EVERYONE,
    onlyNews: true,
    newest: { created_at: -1 },
  },
  {
    collection: 'otus',
    operations: ALL,
    projection: OTU_PROJECTION,
    toWire: withId,
    audience: ofReference,
    // A build notes itself in every OTU; whatever is shown changes with the version.
    ignored: { operationType: 'update', 'updateDescription.updatedFields.version': { $exists: false } },
    forgotten: EVERYONE,
    standIn: 'references',
    crowd: 500,
  },
  {
    // The rest of the context holds server paths and long lists of ids.
    collection: 'processes',
    operations: ['insert', 'update'],
    projection: PROCESS_PROJECTION,
    toWire: ({ context: _, ...process }) => toProcessMessage(process as ProcessDocument),
    audience: ofProcess,
    forgotten: EVERYONE,
    newest: { created_at: -1 },
  },
  {
    collection: 'references',
    operations: ALL,
    projection: { ...REFERENCE_PROJECTION, ...REFERENCE_ACCESS },
    toWire: ({ users: _, groups: __, ...reference }) => withId(reference as Stored),
    // Clients replace their list item by the message.
    extras: (store, ids) => store.referenceSummaries.summaries(ids),
    audience: ofItself('references'),
    parent: 'reference',
    forgotten: EVERYONE,
    newest: { created_at: -1 },
  },
  {
    collection: 'samples',
    operations: ALL,
    projection: SAMPLE_PROJECTION,
    toWire: withId,
    audience: ofItself('samples'),
    parent: 'sample',
    isUnfinished: ({ imported }) => imported === 'ip',
    argument: 'sample_id',
    forgotten: EVERYONE,
    newest: { created_at: -1 },
  },
  {
    collection: 'settings',
    ids: ['settings'],
    operations: ['update'],
    projection: fields(
      'sample_group',
      'sample_group_read',
      'sample_group_write',
      'sample_all_read',
      'sample_all_write',
      'sample_unique_names',
      'hmm_slug',
      'enable_api',
      'enable_sentry',
      'software_channel',
      'minimum_password_length',
      'default_source_types',
    ),
    toWire: ({ _id, ...settings }) => settings,
    audience: administrators,
    forgotten: ADMINISTRATORS,
    newest: { _id: 1 },
  },
  {
    collection: 'status',
    ids: ['software', 'hmm'],
    operations: ['update'],
    projection: { installation: 0 },
    toWire: withId,
    audience: everyone,
    forgotten: EVERYONE,
    newest: { _id: 1 },
  },
  {
    collection: 'subtraction',
    operations: ALL,
    projection: SUBTRACTION_PROJECTION,
    toWire: withId,
    audience: everyone,
    forgotten: EVERYONE,
    newest: { _id: 1 },
  },
  {
    // The id of a user is a name, so it must not reach others even when nothing else is known.
    collection: 'users',
    operations: ALL,
    projection: USER_PROJECTION,
    toWire: (user) => toUserItem(user as UserDocument),
    audience: ofUser,
    forgotten: ADMINISTRATORS,
    newest: { _id: 1 },
  },
];

const BY_COLLECTION = new Map(INTERFACES.map((target) => [target.collection, target]));

/** The interface that shows a document. */
export function interfaceOf({ collection, id }: { collection: CollectionName; id: string }): Interface | undefined {
  const target = BY_COLLECTION.get(collection);
  return target?.ids?.includes(id) === false ? undefined : target;
}

/**
 * As what an insertion or update is shown, if at all. The status documents and settings are never new to a client, even when the database
 * has just got them.
 */
export function shownAs({ operations }: Interface, operation: Operation): 'insert' | 'update' | undefined {
  if (operation === 'delete') return undefined;
  if (operations.includes(operation)) return operation;
  return operation === 'insert' && operations.includes('update') ? 'update' : undefined;
}
