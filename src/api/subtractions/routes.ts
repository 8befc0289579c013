import { jobStart } from '../../contracts/workflow_starts.js';
import { isSafeName, sharesFolder, subtractionSlug } from '../../files/data_directory.js';
import { removePath } from '../../files/publish.js';
import { mapPage } from '../../store/database/pages.js';
import type { SubtractionDocument } from '../../store/subtractions.js';
import type { ApiDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import { withId } from '../http/json.js';
import { firstOf, pageRequest, queryFlag, type RawQuery, searchTerm } from '../http/paging.js';
import { badRequest, conflict, notFound } from '../http/refusals.js';
import { common } from '../http/right.js';
import { created, json, noContent, path, type Route, type RouteResult, route } from '../http/route.js';
import { CreateSubtraction, EditSubtraction } from './schemas.js';

const MAXIMUM_FOLDER_BYTES = 200;
const HOSTS = common('hosts are for the whole laboratory; linked samples are shown as far as they may be read');
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;

const LIST_QUERY = {
  find: 'Text to look for in names',
  ready: '`true`: only those that can be used',
  is_host: '`true`: only hosts; together with `ready` and without a page, all of them are in the answer',
  ids: 'Anything: the answer is the plain list of all names',
  page: 'Page, from 1',
  per_page: 'Subtractions per page, 1 to 500',
};

/** Subtractions: host genomes whose reads are taken away before viruses are counted. */
export function createSubtractionRoutes(deps: ApiDeps): Route[] {
  const { store, config } = deps;
  return [
    route({
      method: 'GET',
      path: '/api/subtractions',
      summary: 'List subtractions',
      description: 'Subtractions by name, with the numbers of all and of usable hosts.',
      tag: 'Subtractions',
      access: 'user',
      right: HOSTS,
      query: LIST_QUERY,
      answers: { 200: 'One page of subtractions, or the list of names' },
      handle: async ({ query }) =>
        json(firstOf(query, 'ids') ? await store.subtractions.names() : await list(deps, query)),
    }),
    route({
      method: 'POST',
      path: '/api/subtractions',
      summary: 'Create a subtraction',
      description:
        'Takes an uploaded FASTA file (plain or gzip) and starts the job `create_subtraction`. Names that differ only in case, or ' +
        'in blanks and underscores, count as the same.',
      tag: 'Subtractions',
      access: { permission: 'modify_subtraction' },
      right: HOSTS,
      body: CreateSubtraction,
      answers: {
        201: 'The new subtraction, ready when its job is complete',
        400: 'The name is taken or cannot be used, or the upload does not exist, is not whole or is taken',
        422: 'The body is not valid',
      },
      async handle({ body, caller }) {
        if (!isFolderName(subtractionSlug(body.subtraction_id))) {
          return badRequest(
            'Subtraction name must not begin with a dot, hold slashes or control characters or be too long',
          );
        }
        const outcome = await store.subtractions.create({
          name: body.subtraction_id,
          clashesWith: (name) => sharesFolder(body.subtraction_id, [name]),
          nickname: body.nickname,
          fileId: body.file_id,
          userId: caller.userId,
          cost: { proc: config.sm_proc, mem: config.sm_mem },
        });
        if (outcome === 'name_taken') return badRequest('Subtraction name already exists');
        if (outcome === 'no_file') return badRequest('File does not exist');
        await deps.workflows.start(jobStart(outcome.job));
        return created(withId(outcome.subtraction), path`/api/subtractions/${outcome.subtraction._id}`);
      },
    }),
    route({
      method: 'GET',
      path: '/api/subtractions/:subtraction_id',
      summary: 'Get a subtraction',
      description: 'A subtraction with the samples that use it, as far as the caller may read them.',
      tag: 'Subtractions',
      access: 'user',
      right: HOSTS,
      answers: { 200: 'The subtraction', 404: 'No such subtraction' },
      async handle({ params, caller }) {
        const subtraction = await store.subtractions.get(params.subtraction_id ?? '');
        return subtraction ? answerWhole(deps, subtraction, caller) : notFound();
      },
    }),
    route({
      method: 'PATCH',
      path: '/api/subtractions/:subtraction_id',
      summary: 'Edit a subtraction',
      description: 'Changes the nickname.',
      tag: 'Subtractions',
      access: { permission: 'modify_subtraction' },
      right: HOSTS,
      body: EditSubtraction,
      answers: { 200: 'The subtraction', 404: 'No such subtraction', 422: 'The body is not valid' },
      async handle({ params, body, caller }) {
        const subtraction = await store.subtractions.setNickname(params.subtraction_id ?? '', body.nickname);
        return subtraction ? answerWhole(deps, subtraction, caller) : notFound();
      },
    }),
    route({
      method: 'DELETE',
      path: '/api/subtractions/:subtraction_id',
      summary: 'Remove a subtraction',
      description:
        'Removes a subtraction that no sample uses, with its files. While its job runs, cancel the job instead.',
      tag: 'Subtractions',
      access: { permission: 'modify_subtraction' },
      right: HOSTS,
      answers: {
        204: 'The subtraction is gone',
        404: 'No such subtraction',
        409: 'Samples use it, or its job still runs',
      },
      async handle({ params }) {
        const name = params.subtraction_id ?? '';
        const outcome = await store.subtractions.removeUnused(name);
        if (outcome === 'linked') return conflict('Has linked samples');
        if (outcome === 'not_found') return notFound();
        if (outcome === 'running') return conflict('Subtraction is still being created');
        await removeFolder(deps, name);
        return noContent();
      },
    }),
  ];
}

async function list({ store }: ApiDeps, query: RawQuery) {
  const ready = queryFlag(query, 'ready');
  const isHost = queryFlag(query, 'is_host');
  const hosts = await store.subtractions.countHosts();
  const asked = pageRequest(query);
  // The page for new samples asks like this, and shows no more than it gets at once.
  const wantsAll = ready === true && isHost === true && !('page' in query) && !('per_page' in query);
  const page = await store.subtractions.list(
    { find: searchTerm(query), ready, isHost },
    wantsAll ? { page: 1, perPage: Math.max(asked.perPage, hosts.ready) } : asked,
  );
  return { ...mapPage(page, withId), host_count: hosts.all, ready_host_count: hosts.ready };
}

async function answerWhole({ store }: ApiDeps, subtraction: SubtractionDocument, caller: Caller): Promise<RouteResult> {
  const linked = await store.samples.linkedTo(subtraction._id, caller);
  return json({ ...withId(subtraction), linked_samples: linked });
}

async function removeFolder({ store, files: data }: ApiDeps, name: string): Promise<void> {
  if (!sharesFolder(name, await store.subtractions.names())) await removePath(data.subtraction(name));
}

function isFolderName(slug: string): boolean {
  return (
    isSafeName(slug) &&
    !slug.startsWith('.') &&
    !UNPRINTABLE.test(slug) &&
    Buffer.byteLength(slug) <= MAXIMUM_FOLDER_BYTES
  );
}
