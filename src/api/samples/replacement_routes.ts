import { jobStart } from '../../contracts/workflow_starts.js';
import { removePath } from '../../files/publish.js';
import { UPLOAD_IDLE_LIMIT_MS } from '../../files/uploads.js';
import { REPLACEMENT_TYPE } from '../../store/files.js';
import type { ReplacementRefusal, ReplacementStart, StartedReplacement } from '../../store/samples/replacements.js';
import type { SampleDocument } from '../../store/samples/samples.js';
import type { ApiDeps } from '../deps.js';
import { toWireFile } from '../files/wire.js';
import type { Caller } from '../http/caller.js';
import { conflict, notFound, Refusal } from '../http/refusals.js';
import { json, type Route, route } from '../http/route.js';
import { checkQuery } from '../http/validation.js';
import { onSample } from '../rights/samples.js';
import { receiveUpload, UploadQuery } from '../uploads/receive.js';
import { ReplaceReads } from './schemas.js';
import { toWireSampleUpdate } from './wire.js';

const REFUSALS: Record<ReplacementRefusal, string> = {
  raw: 'The sample holds raw reads already; make a new sample of other reads',
  importing: 'Sample is still being imported',
  under_way: 'The reads of the sample are being replaced; wait for the end of the job or cancel it',
};

/** Replacement of the trimmed reads that samples from before release 3.4 hold. */
export function createReplacementRoutes(deps: ApiDeps, idleLimitMs = UPLOAD_IDLE_LIMIT_MS): Route[] {
  return [uploadRoute(deps, idleLimitMs), startRoute(deps)];
}

function uploadRoute(deps: ApiDeps, idleLimitMs: number): Route {
  return route({
    method: 'POST',
    path: '/upload/samples/:sample_id/files/:suffix',
    summary: 'Upload a replacement of a reads file',
    description:
      'Stores raw reads that are to replace file 1 or 2 of a sample whose reads came trimmed, as those of releases before 3.4 did. With the ' +
      'last file of the sample the job `update_sample` starts, unless one is under way. A second upload for a file takes the place of the ' +
      'first. Needs the right to write the sample.',
    tag: 'Samples',
    access: { permission: 'upload_file' },
    right: onSample(deps.store, 'write'),
    rawBody: true,
    query: { name: 'File name; required' },
    answers: {
      201: 'The new file',
      400: 'No complete multipart body, or none with a file',
      403: 'The sample may not be changed',
      404: 'No such sample, or it has no such file',
      409: 'The sample holds raw reads already, is still being imported, or its reads are being replaced',
      422: 'The name is missing or cannot be a file name',
      507: 'The disk of the server is full',
    },
    async handle({ context, caller, params, subject: sample, query, log }) {
      const place = placeOf(sample, params.suffix ?? '');
      if (place instanceof Refusal) return place;
      const { name } = checkQuery(UploadQuery, query);
      const refusal = await deps.store.replacements.refusal(sample);
      if (refusal) return conflict(REFUSALS[refusal]);
      const { file, published } = await receiveUpload(deps, {
        body: { stream: context.req.raw.body, contentType: context.req.header('Content-Type') },
        ...{ idleLimitMs, log },
        insert: () => deps.store.files.insert({ name, type: REPLACEMENT_TYPE, userId: caller.userId }),
        async publish({ _id: id, uploaded_at }, size) {
          const start = startOf(deps, caller, ReplaceReadsDefaults);
          const added = await deps.store.replacements.add(sample._id, place, { id, name, uploaded_at, size }, start);
          if (added === null) throw notFound('Sample not found');
          if (typeof added === 'string') throw conflict(REFUSALS[added]);
          return added;
        },
      });
      await startJob(deps, published);
      // Without a document it goes with the next clean-up, at the latest.
      if (published.former !== undefined) await removePath(deps.files.file(published.former));
      return json(toWireFile(file), 201);
    },
  });
}

function startRoute(deps: ApiDeps): Route {
  return route({
    method: 'PUT',
    path: '/api/samples/:sample_id/update_job',
    summary: 'Start the replacement of reads',
    description:
      'Starts the job `update_sample` when every file of the sample has its replacement and none is under way; otherwise nothing happens. ' +
      'Meant for a second try after a job that failed, with other options: `pairing` and `phred_offset` mean what they do for a new sample. ' +
      'Needs the right to write the sample.',
    tag: 'Samples',
    access: 'user',
    right: onSample(deps.store, 'write'),
    body: ReplaceReads,
    answers: {
      200: 'The sample as in messages',
      403: 'The sample may not be changed',
      404: 'No such sample',
      409: 'The sample holds raw reads already',
      422: 'The body is not valid',
    },
    async handle({ subject: sample, body, caller }) {
      const started = await deps.store.replacements.start(sample._id, startOf(deps, caller, body));
      if (started === null) return notFound();
      if (started === 'raw') return conflict(REFUSALS.raw);
      await startJob(deps, started);
      return json(toWireSampleUpdate(started.sample));
    },
  });
}

const ReplaceReadsDefaults = { pairing: 'by_name', phred_offset: null } as const;

function startOf(
  { config }: ApiDeps,
  caller: Caller,
  { pairing, phred_offset }: Pick<ReplacementStart, 'pairing'> & { phred_offset: ReplacementStart['phredOffset'] },
): ReplacementStart {
  const cost = { proc: config.sm_proc, mem: config.sm_mem };
  return { userId: caller.userId, cost, pairing, phredOffset: phred_offset };
}

async function startJob({ workflows }: ApiDeps, { job }: StartedReplacement): Promise<void> {
  if (job) await workflows.start(jobStart(job));
}

function placeOf(sample: SampleDocument, suffix: string): number | Refusal {
  if (suffix !== '1' && suffix !== '2') return notFound('Invalid file suffix. Must be 1 or 2.');
  const place = Number(suffix) - 1;
  return place < sample.files.length ? place : notFound('Sample is not paired');
}
