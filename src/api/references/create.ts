import type { ProcessType } from '../../contracts/processes.js';
import type { ReleaseAnswer } from '../../contracts/releases.js';
import { processStart } from '../../contracts/workflow_starts.js';
import { insertWithFreshId, randomId } from '../../store/database/ids.js';
import { newProcess, type ProcessContext, type ProcessDocument } from '../../store/processes.js';
import type { ReferenceDocument } from '../../store/references/references.js';
import { remoteTroubleText, toDownload } from '../../store/references/remote_references.js';
import { toReleaseUpdate } from '../../store/releases.js';
import type { ApiDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import { badGateway, badRequest, conflict, notFound, Refusal } from '../http/refusals.js';
import { remoteRefusal } from '../http/remote.js';
import { created, path, type RouteResult } from '../http/route.js';
import { findReference } from '../rights/references.js';
import { type CreateReference, LATEST_RELEASE } from './schemas.js';
import { toWireNewReference } from './wire.js';

/** What makes a new reference different from a blank one, and the process that fills it. */
type Plan = { fields: Partial<ReferenceDocument>; process?: { type: ProcessType; context: ProcessContext } };

/** Makes a reference, blank or with the process that fills it. */
export async function createReference(deps: ApiDeps, caller: Caller, body: CreateReference): Promise<RouteResult> {
  const plan = await planOf(deps, caller, body);
  if (plan instanceof Error) return plan;
  const { default_source_types: sourceTypes } = await deps.store.settings.get();
  const { reference, process } = await insertWithFreshId((id) =>
    insert(deps, { ...blank(caller, body, sourceTypes), _id: id, ...plan.fields }, plan.process),
  );
  if (process && plan.process) {
    await deps.workflows.start(processStart({ _id: process._id, type: plan.process.type, userId: caller.userId }));
  }
  return created(toWireNewReference(reference), path`/api/refs/${reference._id}`);
}

async function planOf(deps: ApiDeps, caller: Caller, body: CreateReference): Promise<Plan | Refusal> {
  if (body.clone_from) return planClone(deps, caller, body, body.clone_from);
  if (body.import_from) return planImport(deps, body, body.import_from);
  if (body.remote_from) return planRemote(deps, caller, body.remote_from, body.release_id);
  return { fields: {} };
}

async function planImport({ store }: ApiDeps, body: CreateReference, fileId: string): Promise<Plan | Refusal> {
  const file = await store.files.get(fileId);
  if (!file) return notFound('File not found');
  if (file.type !== 'reference') return badRequest('File is not a reference file');
  if (!file.ready) return badRequest('File is not completely uploaded');
  const imported = { id: file._id, name: file.name, user: file.user };
  return {
    fields: { name: body.name || 'Unnamed Import', data_type: null, organism: null, imported_from: imported },
    process: { type: 'import_reference', context: { path: `files/${file._id}` } },
  };
}

async function planClone(
  { store }: ApiDeps,
  caller: Caller,
  body: CreateReference,
  sourceId: string,
): Promise<Plan | Refusal> {
  const source = await findReference(store, sourceId, caller, 'read');
  if (source instanceof Refusal) return source.status === 404 ? badRequest('Source reference does not exist') : source;
  if (source.process && (await store.processes.isRunning(source.process.id))) {
    return conflict('Source reference is still being filled');
  }
  return {
    fields: {
      name: body.name || `Clone of ${source.name}`,
      data_type: source.data_type,
      organism: source.organism,
      cloned_from: { id: source._id, name: source.name },
    },
    process: { type: 'clone_reference', context: {} },
  };
}

const REMOTE = {
  name: 'Plant Viruses',
  description: 'The official plant virus reference from the Virtool developers',
} as const;

async function planRemote(deps: ApiDeps, caller: Caller, slug: string, releaseId: string): Promise<Plan | Refusal> {
  const asked = releaseId === LATEST_RELEASE ? {} : { id: Number(releaseId) };
  const answer = await deps.remote.releases.find(slug, asked);
  if (!answer.ok) return refusalOfRelease(answer);
  if (!answer.release) return badGateway('The release has no file');
  const createdAt = new Date();
  const release = { ...answer.release, newer: false, retrieved_at: createdAt };
  return {
    fields: {
      ...REMOTE,
      created_at: createdAt,
      data_type: null,
      organism: null,
      remotes_from: { slug, errors: [] },
      release,
      updates: [toReleaseUpdate(answer.release, caller.userId, createdAt)],
      installed: null,
    },
    process: { type: 'remote_reference', context: { release: toDownload(release) } },
  };
}

function refusalOfRelease({ trouble }: ReleaseAnswer & { ok: false }): Refusal {
  const isUnknown = trouble.reason === 'not_found';
  return remoteRefusal(trouble, isUnknown ? 'Could not retrieve latest GitHub release' : remoteTroubleText(trouble));
}

function blank(caller: Caller, body: CreateReference, sourceTypes: string[]): Omit<ReferenceDocument, '_id'> {
  return {
    created_at: new Date(),
    data_type: body.data_type,
    description: body.description,
    name: body.name,
    organism: body.organism,
    internal_control: null,
    restrict_source_types: false,
    source_types: sourceTypes,
    groups: [],
    users: [{ id: caller.userId, build: true, modify: true, modify_otu: true, remove: true }],
    user: { id: caller.userId },
  };
}

type Inserted = { reference: ReferenceDocument; process?: ProcessDocument };

/** Reference and process in one transaction: the process finds its reference, whenever it starts. */
function insert({ store }: ApiDeps, document: ReferenceDocument, plan: Plan['process']): Promise<Inserted> {
  const processId = randomId();
  return store.database.transaction(async (session): Promise<Inserted> => {
    if (!plan) {
      await store.references.insert(document, session);
      return { reference: document };
    }
    const source = document.cloned_from;
    const process = newProcess(processId, plan.type, {
      created_at: document.created_at,
      ref_id: document._id,
      user_id: document.user.id,
      ...plan.context,
      ...(source ? { manifest: await store.otus.manifest(source.id, session) } : {}),
      inserted_otu_ids: [],
    });
    const reference = { ...document, process: { id: processId } };
    await store.processes.insert(process, session);
    await store.references.insert(reference, session);
    return { reference, process };
  });
}
