import * as v from 'valibot';
import { isUploadName, removeUpload, storeUpload } from '../../files/uploads.js';
import type { Logger } from '../../log.js';
import type { FileDocument } from '../../store/files.js';
import type { ApiDeps } from '../deps.js';
import { filled } from '../http/fields.js';
import { Refusal } from '../http/refusals.js';
import { type IncomingBody, openMultipart } from './multipart.js';

/** Query of every upload. */
export const UploadQuery = v.object({
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

/** A body that is to be stored as a file. */
export type Receipt<T> = {
  body: IncomingBody;
  idleLimitMs: number;
  /** Inserts the file's document, once the body is known to be multipart. */
  insert: () => Promise<FileDocument>;
  /** Makes the file ready that has so many bytes; throws when it cannot be used any more. */
  publish: (file: FileDocument, size: number) => Promise<T>;
  log: Logger;
};

/**
 * Stores the first part of a multipart body. Whatever fails, nothing of the upload is left.
 *
 * @throws Refusal 400 for a body that is not multipart or not complete, 507 when the disk is full, and what `publish` throws.
 */
export async function receiveUpload<T>(
  { store, files: data }: ApiDeps,
  { body, idleLimitMs, insert, publish, log }: Receipt<T>,
): Promise<{ file: FileDocument; published: T }> {
  const storeFirstPart = openMultipart(body, idleLimitMs);
  const file = await insert();
  try {
    const size = await storeFirstPart((part) => storeUpload(data, file._id, part));
    return { file, published: await publish(file, size) };
  } catch (error) {
    await removeUpload(data, file._id);
    await store.files.remove([file._id]);
    log.warn({ fileId: file._id, err: error }, 'upload failed, nothing of it is kept');
    throw isDiskFull(error) ? diskFull() : error;
  }
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ['ENOSPC', 'EDQUOT'].includes(String(error.code));
}

function diskFull(): Refusal {
  return new Refusal(507, 'insufficient_storage', 'The disk of the server is full');
}
