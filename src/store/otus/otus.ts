import type { ClientSession, Filter } from 'mongodb';
import type { Database, Stored } from '../database/database.js';
import { fields, findKeptPage, type Page, type PageRequest } from '../database/pages.js';
import { inScope, type ReferenceScope } from '../references/reference_rights.js';
import type { OtuIssues } from './otu_issues.js';
import type { SequenceDocument, SequenceStore, StoredSequence } from './sequences.js';

/** An isolate as stored in its OTU. Exactly one of an OTU's isolates is the default one. */
export type Isolate = { id: string; source_type: string; source_name: string; default: boolean };

/** A segment of an OTU's schema. */
export type Segment = { name: string; required?: boolean; molecule?: string | null };

/** An OTU as stored; its sequences are documents of their own. */
export type OtuDocument = Stored & {
  name: string;
  lower_name: string;
  /** Empty for none. */
  abbreviation: string;
  reference: { id: string };
  isolates: Isolate[];
  schema: Segment[];
  /** 0 at creation, one more with each edit. */
  version: number;
  /** Version in the last finished index. */
  last_indexed_version: number | null;
  verified: boolean;
  /** Only on OTUs made by import, clone or remote install, as are the next three. `issues` goes stale. */
  created_at?: Date;
  user?: { id: string };
  imported?: boolean;
  issues?: OtuIssues | null;
  remote?: { id: string };
};

/** An isolate with its sequences. */
export type JoinedIsolate = Isolate & { sequences: SequenceDocument[] };

/** An OTU with its sequences inside its isolates: what versions are made of. */
export type JoinedOtu = Omit<OtuDocument, 'isolates'> & { isolates: JoinedIsolate[] };

/** An OTU in lists and messages. */
export type OtuListItem = Pick<OtuDocument, '_id' | 'name' | 'abbreviation' | 'reference' | 'verified' | 'version'>;

/** Fields that lists and messages need. */
export const OTU_PROJECTION = fields('_id', 'abbreviation', 'name', 'reference', 'verified', 'version');

/** What to list: of which references, by text in name or abbreviation, by verification. */
export type OtuQuery = { scope: ReferenceScope; find?: string | undefined; verified?: boolean | undefined };

/** The OTU with each sequence put into its isolate. */
export function joinOtu(otu: OtuDocument, sequences: readonly SequenceDocument[]): JoinedOtu {
  const isolates = otu.isolates.map((isolate) => ({
    ...isolate,
    sequences: sequences.filter((sequence) => sequence.isolate_id === isolate.id),
  }));
  return { ...otu, isolates };
}

/** A joined OTU taken apart again, as it is stored anew. */
export function splitOtu(joined: JoinedOtu): { otu: OtuDocument; sequences: StoredSequence[] } {
  const isolates = joined.isolates.map(({ sequences: _, ...isolate }) => isolate);
  const sequences = joined.isolates.flatMap((isolate) =>
    isolate.sequences.map((sequence, position) => ({ ...sequence, position })),
  );
  return { otu: { ...joined, isolates }, sequences };
}

/** Access to the collection `otus`. */
export type OtuStore = ReturnType<typeof createOtuStore>;

/** Reads of OTUs. */
export function createOtuStore(database: Database, sequences: SequenceStore) {
  const otus = database.collection<OtuDocument>('otus');

  const getManyJoined = async (otuIds: readonly string[], session?: ClientSession): Promise<Map<string, JoinedOtu>> => {
    const found = await otus.find({ _id: { $in: [...otuIds] } }, session ? { session } : {}).toArray();
    const byOtu = await sequences.ofOtus(otuIds, session);
    return new Map(found.map((otu) => [otu._id, joinOtu(otu, byOtu.get(otu._id) ?? [])]));
  };

  return {
    collection: otus,

    get: (otuId: string) => otus.findOne({ _id: otuId }),

    /** An OTU with its sequences. Only in a transaction do both surely belong to the same version. */
    async getJoined(otuId: string, session?: ClientSession): Promise<JoinedOtu | undefined> {
      const found = await getManyJoined([otuId], session);
      return found.get(otuId);
    },

    /** The existing ones of some OTUs with their sequences, by id; two queries for all. */
    getManyJoined,

    /** One page of OTUs, sorted by name. */
    list(query: OtuQuery, request: PageRequest): Promise<Page<OtuListItem>> {
      return findKeptPage(
        otus,
        {
          kept: database.kept.of('otus'),
          find: query.find,
          base: inScope(query.scope) as Filter<OtuDocument>,
          search: query.verified === undefined ? undefined : { verified: query.verified },
          sort: { name: 1, _id: 1 },
          projection: OTU_PROJECTION,
        },
        request,
      );
    },

    /** The current version of every OTU of a reference, by id. */
    async manifest(referenceId: string, session: ClientSession): Promise<Record<string, number>> {
      const current = await otus
        .find({ 'reference.id': referenceId }, { session, batchSize: 10_000 })
        .project<Pick<OtuDocument, '_id' | 'version'>>({ version: 1 })
        .sort({ _id: 1 })
        .toArray();
      return Object.fromEntries(current.map((otu) => [otu._id, otu.version]));
    },

    /** Ids and names of all OTUs of the references, sorted by name. */
    names(scope: ReferenceScope): Promise<Pick<OtuDocument, '_id' | 'name'>[]> {
      return otus
        .find(inScope(scope) as Filter<OtuDocument>)
        .project<Pick<OtuDocument, '_id' | 'name'>>({ name: 1 })
        .sort({ name: 1, _id: 1 })
        .toArray();
    },
  };
}
