import type { ApiDeps } from '../deps.js';
import { badGateway, notFound } from '../http/refusals.js';
import { remoteRefusal } from '../http/remote.js';
import { common } from '../http/right.js';
import { json, type Route, route } from '../http/route.js';

/** An accession, with or without its version. */
const ACCESSION = /^[A-Za-z0-9_]{1,40}(\.\d{1,4})?$/;

/** Records of GenBank, from which the forms for sequences are filled. */
export function createGenbankRoutes({ remote }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/genbank/:accession',
      access: 'user',
      right: common('public records of GenBank'),
      tag: 'GenBank',
      summary: 'Get a GenBank record',
      description:
        'Asks NCBI for an accession, with or without its version. NCBI is asked three times a second at most.',
      answers: {
        200: 'Accession with its version, definition, host and sequence',
        404: 'GenBank does not know the accession',
        500: 'The proxy does not know the server',
        502: 'NCBI cannot be reached, or sent nothing that can be used',
      },
      async handle({ params }) {
        const { accession = '' } = params;
        if (!ACCESSION.test(accession)) return notFound();
        const answer = await remote.genbank.find(accession);
        if (answer.ok) return json(answer.record);
        const { trouble } = answer;
        if (trouble.reason === 'not_found') return notFound();
        if (trouble.reason === 'no_bases') {
          return badGateway(
            `The GenBank record ${accession} has no bases, it only names the records that it is made of (CONTIG, WGS). Ask for one of those`,
          );
        }
        const isAnswer = trouble.reason === 'unreadable' || trouble.reason === 'too_large';
        return remoteRefusal(trouble, isAnswer ? 'NCBI sent no sequence that can be read' : 'Could not reach NCBI');
      },
    }),
  ];
}
