import { lstat, rename, rm } from 'node:fs/promises';
import type { Logger } from 'pino';
import { type DataDirectory, joinName } from './data_directory.js';
import { fileSize } from './folders.js';
import { copyWithProgress, publishFile, syncPath } from './publish.js';
import { type Fingerprint, fingerprintOf, isSame } from './settling.js';
import { createIncoming, incomingPath, removeUpload } from './uploads.js';

/** A file on its way from the watch folder into the files folder. */
export type Arriving = { _id: string; name: string; source: Fingerprint };

/** What the watch folder has to know and change about file documents; `store.files` has it. */
export type ArrivingDocuments = {
  /** Inserts the document of a file whose bytes are still in the watch folder. */
  insert(file: { name: string; type: 'reads'; userId: null; source: Fingerprint }): Promise<{ _id: string }>;
  /** All files that are on their way. */
  arriving(): Promise<Arriving[]>;
  /** Makes a file ready; false when its document is gone. */
  publish(fileId: string, size: number): Promise<boolean>;
  remove(ids: readonly string[]): Promise<void>;
};

/** What it takes to move files out of the watch folder `path`. */
export type ArrivalDeps = { path: string; data: DataDirectory; files: ArrivingDocuments; log: Logger };

/**
 * Moves files out of the watch folder so that none is lost or doubled wherever it stops: the document comes first, the
 * final name says that all bytes are there, the source goes before the document becomes ready.
 */
export function createArrivals({ path, data, files, log }: ArrivalDeps) {
  return {
    /**
     * Makes a settled file an upload.
     *
     * @throws what the disk or the database throws, or an Error when the file changes meanwhile; then `recover` is due.
     */
    async take(name: string, source: Fingerprint, signal: AbortSignal): Promise<void> {
      const { _id } = await files.insert({ name, type: 'reads', userId: null, source });
      await moveIn(joinName(path, name), _id, source, signal);
      await finish({ _id, name, source });
    },

    /**
     * Brings to an end what was on its way: a file that has arrived becomes ready, else its document goes and the source is
     * taken anew. Gives what could not be ended.
     */
    async recover(): Promise<{ name: string; error: unknown }[]> {
      const stuck: { name: string; error: unknown }[] = [];
      for (const file of await files.arriving()) {
        try {
          if ((await fileSize(data.file(file._id))) === undefined) await giveUp(file._id);
          else await finish(file);
        } catch (error) {
          stuck.push({ name: file.name, error });
        }
      }
      return stuck;
    },
  };

  async function moveIn(from: string, fileId: string, source: Fingerprint, signal: AbortSignal): Promise<void> {
    const to = data.file(fileId);
    try {
      await publishFile(from, to);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
      return copyIn(from, fileId, source, signal);
    }
    if ((await lstat(to)).isFile()) return;
    await rename(to, from);
    throw new Error('It was replaced by something that is no regular file');
  }

  async function copyIn(from: string, fileId: string, source: Fingerprint, signal: AbortSignal): Promise<void> {
    const partial = incomingPath(data, fileId);
    await createIncoming(data);
    await copyWithProgress(from, partial, { signal, onFraction: () => undefined });
    const left = await fingerprintOf(from);
    if (!left || !isSame(left, source) || (await fileSize(partial)) !== source.size) {
      throw new Error('It changed while it was copied');
    }
    await publishFile(partial, data.file(fileId));
  }

  async function finish({ _id, name, source }: Arriving): Promise<void> {
    const size = (await fileSize(data.file(_id))) ?? 0;
    const from = joinName(path, name);
    const left = await fingerprintOf(from);
    // After a copy the source is still there. Another look means another file that has come since.
    if (left && isSame(left, source) && left.size === size) {
      await rm(from, { force: true });
      await syncPath(path);
    }
    if (await files.publish(_id, size)) log.info({ fileId: _id, sizeBytes: size }, 'file taken from the watch folder');
    else await removeUpload(data, _id);
  }

  // The final name does not exist, so the watch folder has all that there is of the file.
  async function giveUp(fileId: string): Promise<void> {
    await files.remove([fileId]);
    await rm(incomingPath(data, fileId), { force: true });
  }
}
