import { removePath } from '../../files/publish.js';
import { mapPage } from '../../store/database/pages.js';
import type { ApiDeps } from '../deps.js';
import { firstOf, pageRequest } from '../http/paging.js';
import { conflict, notFound } from '../http/refusals.js';
import { common } from '../http/right.js';
import { json, type Route, route } from '../http/route.js';
import { toWireFile } from './wire.js';

/** Uploaded files that wait for their use. */
export function createFileRoutes({ store, files: data }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/files',
      summary: 'List files',
      description: 'Files that are whole and not taken by a sample or job, newest first.',
      tag: 'Files',
      access: 'user',
      right: common('uploads that no sample, reference or job has taken are for the whole laboratory'),
      query: {
        type: '`reads`, `reference`, `subtraction` or `hmm`',
        page: 'Page, from 1',
        per_page: 'Files per page, 1 to 500',
      },
      answers: { 200: 'One page of files' },
      handle: async ({ query }) =>
        json(mapPage(await store.files.list(firstOf(query, 'type') || undefined, pageRequest(query)), toWireFile)),
    }),
    route({
      method: 'DELETE',
      path: '/api/files/:file_id',
      summary: 'Remove a file',
      description: 'Removes a file that no sample or job has taken, from the list and from disk.',
      tag: 'Files',
      access: { permission: 'remove_file' },
      right: common('only uploads that nothing has taken can be removed'),
      answers: { 200: 'The file is gone', 404: 'No such file', 409: 'A sample or job needs the file' },
      async handle({ params }) {
        const fileId = params.file_id ?? '';
        if (!(await store.files.removeFree(fileId))) {
          return (await store.files.get(fileId)) ? conflict('File is reserved') : notFound();
        }
        await removePath(data.file(fileId));
        return json({ file_id: fileId, removed: true });
      },
    }),
  ];
}
