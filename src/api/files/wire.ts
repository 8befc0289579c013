import type { FileDocument, FileListItem } from '../../store/files.js';
import { withId } from '../http/json.js';

/** A file in the form of the wire; `size` is absent until all bytes are there. */
export function toWireFile(file: FileListItem | FileDocument) {
  const { _id, name, size, user, uploaded_at, type, ready, reserved } = file;
  const known = { _id, name, user, uploaded_at, type, ready, reserved };
  return withId(size === undefined ? known : { ...known, size });
}
