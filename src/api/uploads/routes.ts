import * as v from 'valibot';
import { isUploadName, removeUpload, storeUpload, UPLOAD_IDLE_LIMIT_MS } from '../../files/uploads.js';
import { FILE_TYPES, type FileDocument } from '../../store/files.js';
import type { ApiDeps } from '../deps.js';
import { toWireFile } from '../files/wire.js';
import { filled } from '../http/fields.js';
import { conflict, notFound, Refusal } from '../http/refusals.js';
import { created, type Route, route } from '../http/route.js';
import { checkQuery } from '../http/validation.js';
import { openMultipart, type StoreFirstPart } from './multipart.js';

const UploadQuery = v.object({
  name: v.pipe(
    v.union(
      [
        v.string(),
        v.pipe(
          v.array(v.string()),
          v.transform((all) => all[0] ?? ''),
        ),
      ],
      'required field',
    ),
    filled(),
    v.check(isUploadName, 'must be a file name without slashes or control characters, of 246 bytes at most'),
  ),
});

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
        const body = { stream: context.req.raw.body, contentType: context.req.header('Content-Type') };
        const storeFirstPart = openMultipart(body, idleLimitMs);
        const file = await deps.store.files.insert({ name, type, userId: caller.userId });
        try {
          await receive(deps, file, storeFirstPart);
        } catch (error) {
          log.warn({ fileId: file._id, err: error }, 'upload failed, nothing of it is kept');
          throw isDiskFull(error) ? diskFull() : error;
        }
        return created(toWireFile(file), `/api/files/${encodeFileId(file._id)}`);
      },
    }),
  ];
}

async function receive(
  { store, files: data }: ApiDeps,
  file: FileDocument,
  storeFirstPart: StoreFirstPart,
): Promise<void> {
  try {
    const size = await storeFirstPart((part) => storeUpload(data, file._id, part));
    if (!(await store.files.publish(file._id, size))) throw conflict('The file was removed while it was uploaded');
  } catch (error) {
    await removeUpload(data, file._id);
    await store.files.remove([file._id]);
    throw error;
  }
}

// Old clients know blanks as they are.
function encodeFileId(id: string): string {
  return encodeURIComponent(id).replaceAll('%20', ' ');
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ['ENOSPC', 'EDQUOT'].includes(String(error.code));
}

function diskFull(): Refusal {
  return new Refusal(507, 'insufficient_storage', 'The disk of the server is full');
}
