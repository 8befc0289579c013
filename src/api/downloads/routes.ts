import { joinName } from '../../files/data_directory.js';
import type { ApiDeps } from '../deps.js';
import { notFound } from '../http/refusals.js';
import { type Route, route } from '../http/route.js';
import { onSample } from '../rights/samples.js';
import { fileResponse } from './file_response.js';

/** What stands before the last underscore is the sample's name, which may have changed since the link was made. */
const READS_NAME = /_([12])\.(?:(fq|fastq)|(?:fq|fastq)\.gz)$/;

/** Downloads of reads. */
export function createDownloadRoutes({ store, files: data }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/download/samples/:sample_id/:name',
      summary: 'Download reads of a sample',
      description:
        'The reads file of a sample, by `<anything>_<1 or 2>.<extension>`; the extension is `fq.gz` or `fastq.gz`, and for samples ' +
        'of old releases `fq` or `fastq`. A range of bytes can be asked for. Needs the right to read the sample.',
      tag: 'Samples',
      access: 'user',
      right: onSample(store, 'read'),
      answers: {
        200: 'The file',
        206: 'The range of bytes',
        403: 'The sample may not be read',
        404: 'No such sample or file',
        416: 'The range lies behind the end of the file',
      },
      async handle({ context, params, subject: sample }) {
        const [, suffix, plain] = READS_NAME.exec(params.name ?? '') ?? [];
        if (!suffix) return notFound();
        const file = plain ? `reads_${suffix}.fastq` : `reads_${suffix}.fq.gz`;
        return fileResponse(context, joinName(data.sample(sample._id), file), 'application/gzip');
      },
    }),
  ];
}
