import { UPLOAD_IDLE_LIMIT_MS } from '../../files/uploads.js';
import { FILE_TYPES } from '../../store/files.js';
import type { ApiDeps } from '../deps.js';
import { toWireFile } from '../files/wire.js';
import { conflict, notFound } from '../http/refusals.js';
import { common } from '../http/right.js';
import { created, type Route, route } from '../http/route.js';
import { checkQuery } from '../http/validation.js';
import { receiveUpload, UploadQuery } from './receive.js';

/** Uploads: files are streamed to disk and can be used once all of their bytes are there. */
export function createUploadRoutes(deps: ApiDeps, idleLimitMs = UPLOAD_IDLE_LIMIT_MS): Route[] {
  return [
    route({
      method: 'POST',
      path: '/upload/:file_type',
      summary: 'Upload a file',
      description:
        'Stores the first part of a `multipart/form-data` body, whatever its name, under the name of the query. `file_type` is ' +
        '`reads`, `reference`, `subtraction` or `hmm`. The answer shows the file as it was announced; when it arrives the file is ' +
        'whole and ready. A broken upload leaves nothing behind.',
      tag: 'Files',
      access: { permission: 'upload_file' },
      right: common('a new upload belongs to nothing yet'),
      rawBody: true,
      query: { name: 'File name; required' },
      answers: {
        201: 'The new file',
        400: 'No complete multipart body, or none with a file',
        404: 'No such type',
        409: 'The file was removed while it was uploaded',
        422: 'The name is missing or cannot be a file name',
        507: 'The disk of the server is full',
      },
      async handle({ context, caller, params, query, log }) {
        const type = FILE_TYPES.find((known) => known === params.file_type);
        if (!type) return notFound();
        const { name } = checkQuery(UploadQuery, query);
        const { file } = await receiveUpload(deps, {
          body: { stream: context.req.raw.body, contentType: context.req.header('Content-Type') },
          ...{ idleLimitMs, log },
          insert: () => deps.store.files.insert({ name, type, userId: caller.userId }),
          async publish({ _id }, size) {
            if (!(await deps.store.files.publish(_id, size)))
              throw conflict('The file was removed while it was uploaded');
          },
        });
        return created(toWireFile(file), `/api/files/${encodeFileId(file._id)}`);
      },
    }),
  ];
}

// Old clients know blanks as they are.
function encodeFileId(id: string): string {
  return encodeURIComponent(id).replaceAll('%20', ' ');
}
