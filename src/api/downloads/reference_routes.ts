import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { Logger } from '../../log.js';
import { findIsolate, isolateName } from '../../store/otus/isolate_edits.js';
import type { ApiDeps } from '../deps.js';
import { firstOf } from '../http/paging.js';
import { notFound } from '../http/refusals.js';
import { type Route, route } from '../http/route.js';
import { onOtu, onReference, onSequence } from '../rights/references.js';
import { attachment } from './attachment.js';
import { fastaResponse, formatFasta } from './fasta.js';
import { formatReference, SCOPES, STATES } from './reference_file.js';

/** Downloads of reference data: whole references, and sequences as FASTA. */
export function createReferenceDownloadRoutes(deps: ApiDeps): Route[] {
  return [referenceDownload(deps), ...fastaDownloads(deps)];
}

function referenceDownload({ store }: ApiDeps): Route {
  return route({
    method: 'GET',
    path: '/download/refs/:ref_id',
    access: 'user',
    right: onReference(store, 'read'),
    tag: 'References',
    summary: 'Download a reference',
    description:
      'The reference as a gzip file of JSON that can be imported again. With `scope` `built`, the default, the OTUs of the last ' +
      'index as they are in it; `remote` is the same with the ids that OTUs and sequences have where they come from; ' +
      '`unbuilt` gives all OTUs as they were last verified, `unverified` as they are now.',
    query: { scope: 'What to export: `built`, `remote`, `unbuilt` or `unverified`' },
    answers: { 200: 'The file', 404: 'No such reference' },
    async handle({ subject: reference, query, log }) {
      const scope = SCOPES.find((one) => one === firstOf(query, 'scope')) ?? 'built';
      const otus = store.otuExports.ofReference(reference._id, STATES[scope]);
      return gzipResponse(formatReference(reference, otus, scope), `reference.${scope}.json.gz`, log);
    },
  });
}

function fastaDownloads({ store }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/download/otus/:otu_id',
      access: 'user',
      right: onOtu(store),
      tag: 'OTUs',
      summary: 'Download the sequences of an OTU',
      description: 'FASTA of all isolates.',
      answers: { 200: 'The file', 404: 'No such OTU, or it has no sequences' },
      async handle({ subject: { _id: otuId } }) {
        const otu = await store.otus.getJoined(otuId);
        const content = otu && formatFasta(otu, otu.isolates);
        return content ? fastaResponse(content, [otu.name]) : notFound();
      },
    }),
    route({
      method: 'GET',
      path: '/download/otus/:otu_id/isolates/:isolate_id',
      access: 'user',
      right: onOtu(store),
      tag: 'Isolates',
      summary: 'Download the sequences of an isolate',
      description: 'FASTA of one isolate.',
      answers: { 200: 'The file', 404: 'No such OTU or isolate' },
      async handle({ params, subject: { _id: otuId } }) {
        const otu = await store.otus.getJoined(otuId);
        const isolate = otu && findIsolate(otu, params.isolate_id ?? '');
        return isolate ? fastaResponse(formatFasta(otu, [isolate]), [otu.name, isolateName(isolate)]) : notFound();
      },
    }),
    route({
      method: 'GET',
      path: '/download/sequences/:sequence_id',
      access: 'user',
      right: onSequence(store),
      tag: 'Sequences',
      summary: 'Download a sequence',
      description: 'FASTA of one sequence.',
      answers: { 200: 'The file', 404: 'No such sequence' },
      async handle({ subject: { sequence } }) {
        const otu = await store.otus.getJoined(sequence.otu_id);
        const isolate = otu && findIsolate(otu, sequence.isolate_id);
        if (!isolate) return notFound();
        const content = formatFasta(otu, [{ ...isolate, sequences: [sequence] }]);
        return fastaResponse(content, [otu.name, isolateName(isolate), sequence._id]);
      },
    }),
  ];
}

function gzipResponse(text: AsyncIterable<string>, fileName: string, log: Logger): Response {
  const gzip = createGzip();
  pipeline(Readable.from(text), gzip, (error) => {
    // Clients may leave; anything else cuts the file short, which they see as a broken transfer.
    if (error && error.code !== 'ERR_STREAM_PREMATURE_CLOSE') log.error({ err: error, fileName }, 'download failed');
  });
  return new Response(Readable.toWeb(gzip) as ReadableStream, {
    headers: { 'Content-Type': 'application/gzip', 'Content-Disposition': attachment(fileName) },
  });
}
