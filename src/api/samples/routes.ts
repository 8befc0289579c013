import { writeQualityTexts } from '../../files/sample_qualities.js';
import { mapPage } from '../../store/database/pages.js';
import type { ApiDeps } from '../deps.js';
import { withId } from '../http/json.js';
import { badRequest, conflict, notFound, Refusal } from '../http/refusals.js';
import { common } from '../http/right.js';
import { json, noContent, type Route, route } from '../http/route.js';
import { amongReadableSamples, onSample } from '../rights/samples.js';
import { createSample, refuseSample } from './create.js';
import { changeReading } from './phred.js';
import { removeSample } from './remove.js';
import { CreateSample, EditSample, EditSampleRights, readListQuery } from './schemas.js';
import { toWireSample } from './wire.js';

/** How long a removal waits for the jobs of the sample to end. */
const CANCEL_LIMIT_MS = 5_000;

const LIST_QUERY = {
  find: 'Text to look for in names and user ids',
  pathoscope: '`true`, `false` or `ip` (in progress); may be repeated',
  nuvs: '`true`, `false` or `ip`; may be repeated. With both filters, samples of either are listed',
  page: 'Page, from 1',
  per_page: 'Samples per page, 1 to 100',
};

/** Samples: sequencing libraries with their reads, rights and quality. */
export function createSampleRoutes(deps: ApiDeps, cancelLimitMs = CANCEL_LIMIT_MS): Route[] {
  return [...collectionRoutes(deps), ...sampleRoutes(deps, cancelLimitMs)];
}

function collectionRoutes(deps: ApiDeps): Route[] {
  const { store } = deps;
  return [
    route({
      method: 'GET',
      path: '/api/samples',
      summary: 'List samples',
      description: 'Samples that the caller may read, newest first.',
      tag: 'Samples',
      access: 'user',
      right: amongReadableSamples,
      query: LIST_QUERY,
      answers: { 200: 'One page of samples', 422: 'page or per_page is no whole number in its range' },
      async handle({ query, subject: holder }) {
        const { search, request } = readListQuery(query);
        return json(mapPage(await store.samples.list(holder, search, request), withId));
      },
    }),
    route({
      method: 'POST',
      path: '/api/samples',
      summary: 'Create a sample',
      description:
        'Takes one uploaded reads file, or two of a paired library (left, right), and starts the job `create_sample`. The sample ' +
        'is `imported: "ip"` until the job is complete; then the uploads are gone. The settings decide about rights, group and ' +
        'unique names. Mates are compared by their names, record by record, unless `pairing` is `by_order`; all qualities of the reads decide ' +
        'about their offset, unless `phred_offset` does.',
      tag: 'Samples',
      access: { permission: 'create_sample' },
      right: common('makes a sample of the caller, of uploads that nobody has taken yet'),
      body: CreateSample,
      answers: {
        201: 'The new sample',
        400: 'The name is taken, or subtraction, file or group do not exist or cannot be used',
        422: 'The body is not valid',
      },
      handle: ({ body, caller }) => createSample(deps, caller, body),
    }),
  ];
}

function sampleRoutes(deps: ApiDeps, cancelLimitMs: number): Route[] {
  const { store } = deps;
  return [
    route({
      method: 'GET',
      path: '/api/samples/:sample_id',
      summary: 'Get a sample',
      description: 'The whole sample with its quality, files and caches. Needs the right to read it.',
      tag: 'Samples',
      access: 'user',
      right: onSample(store, 'read'),
      answers: { 200: 'The sample', 403: 'The sample may not be read', 404: 'No such sample' },
      handle: async ({ subject: sample }) => json(toWireSample(sample, await store.caches.ofSample(sample._id))),
    }),
    route({
      method: 'PATCH',
      path: '/api/samples/:sample_id',
      summary: 'Edit a sample',
      description:
        'Changes name, host, isolate and locale, as far as they are given. `phred_offset` changes how the qualities of the reads are read, ' +
        'null for what they say themselves; the quality of the sample follows. Needs the right to write.',
      tag: 'Samples',
      access: 'user',
      right: onSample(store, 'write'),
      body: EditSample,
      answers: {
        200: 'The sample as in lists',
        400: 'The name is taken, or the offset is impossible or not known to the sample',
        403: 'The sample may not be changed',
        404: 'No such sample',
        409: 'The offset cannot be changed while the sample is made or analysed',
        422: 'The body is not valid',
      },
      async handle({ subject: sample, body }) {
        const { phred_offset, ...description } = body;
        const reading = phred_offset === undefined ? undefined : await changeReading(deps, sample, phred_offset);
        if (reading instanceof Refusal) return reading;
        const { sample_unique_names } = await store.settings.get();
        const changed = await store.samples.update(sample._id, description, sample_unique_names, reading);
        if (changed === 'name_taken') return refuseSample(changed);
        if (changed === 'in_use')
          return conflict('Analyses of the sample are under way; wait for their end or cancel them');
        if (changed && reading) {
          await writeQualityTexts(deps.files.sample(sample._id), reading, reading.textPrefix);
        }
        return changed ? json(withId(changed)) : notFound();
      },
    }),
    route({
      method: 'PATCH',
      path: '/api/samples/:sample_id/rights',
      audit: 'rights',
      summary: 'Edit the rights on a sample',
      description:
        'Changes the owner group and who may read and write, as far as it is given. For the owner and administrators.',
      tag: 'Samples',
      access: 'user',
      right: onSample(store, 'owner'),
      body: EditSampleRights,
      answers: {
        200: 'The rights',
        400: 'The group does not exist',
        403: 'Neither owner nor administrator',
        404: 'No such sample',
        422: 'The body is not valid',
      },
      async handle({ subject: sample, body }) {
        const { group } = body;
        if (group && group !== 'none' && !(await store.groups.get(group))) return badRequest('Group does not exist');
        const rights = await store.samples.setRights(sample._id, body);
        return rights ? json(rights) : notFound();
      },
    }),
    route({
      method: 'DELETE',
      path: '/api/samples/:sample_id',
      summary: 'Remove a sample',
      description:
        'Cancels the jobs of the sample and removes it with its analyses, caches and files. Needs the right to write.',
      tag: 'Samples',
      access: 'user',
      right: onSample(store, 'write'),
      answers: { 204: 'The sample is gone', 403: 'The sample may not be changed', 404: 'No such sample' },
      async handle({ subject: sample, log }) {
        await removeSample(deps, sample._id, cancelLimitMs, log);
        return noContent();
      },
    }),
  ];
}
