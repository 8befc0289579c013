import { link, lstat, rename, rm } from 'node:fs/promises';
import type { Logger } from 'pino';
import { type DataDirectory, joinName } from './data_directory.js';
import { fileSize } from './folders.js';
import type { Judge } from './judge.js';
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

/** Files that could not be brought to an end, and the ids of others that are still written. */
export type Recovered = { stuck: { name: string; error: unknown }[]; waiting: string[] };

/**
 * Moves files out of the watch folder so that none is lost or doubled wherever it stops: the document comes first, the
 * final name says that all bytes are there, the source goes before the document becomes ready. `flawLimitMs`: how long a file that was still
 * written when it was taken may be anything but whole before it is put back.
 */
export function createArrivals({ path, data, files, log }: ArrivalDeps, judge: Judge, flawLimitMs: number) {
  return {
    /**
     * Takes a file that has been found whole; `recover` makes it ready. Tells whether it was copied.
     *
     * @throws what the disk or the database throws, or an Error when the file changes meanwhile; then `recover` is due, too.
     */
    async take(name: string, source: Fingerprint, signal: AbortSignal): Promise<{ isCopied: boolean }> {
      const { _id } = await files.insert({ name, type: 'reads', userId: null, source });
      return { isCopied: await moveIn(joinName(path, name), _id, source, signal) };
    },

    /**
     * Brings to an end what is on its way: a file that has arrived becomes ready once it is whole; else its document goes and the source is
     * taken anew.
     */
    async recover(): Promise<Recovered> {
      const stuck: Recovered['stuck'] = [];
      const waiting: string[] = [];
      const arriving = await files.arriving();
      if (arriving.length > 0) judge.lookAnew();
      for (const file of arriving) {
        try {
          if ((await end(file)) === 'waiting') waiting.push(file._id);
        } catch (error) {
          stuck.push({ name: file.name, error });
        }
      }
      return { stuck, waiting };
    },
  };

  /** True when the file had to be copied. */
  async function moveIn(from: string, fileId: string, source: Fingerprint, signal: AbortSignal): Promise<boolean> {
    const to = data.file(fileId);
    try {
      await publishFile(from, to);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
      await copyIn(from, fileId, source, signal);
      return true;
    }
    if ((await lstat(to)).isFile()) return false;
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

  async function end(file: Arriving): Promise<'waiting' | 'done'> {
    const now = await fingerprintOf(data.file(file._id));
    // Without its final name the watch folder has all that there is of the file.
    if (!now) return giveUp(file._id);
    const left = await fingerprintOf(joinName(path, file.name));
    return isMoved(file, now, left) ? endMove(file, now) : endCopy(file, now, left);
  }

  /** Whether the file is the one of the watch folder itself. Its writer may still have it open. */
  function isMoved({ source }: Arriving, now: Fingerprint, left: Fingerprint | undefined): boolean {
    if (source.inode === undefined) return now.mtime_ms === source.mtime_ms;
    return now.inode === source.inode && left?.inode !== source.inode;
  }

  async function endMove(file: Arriving, now: Fingerprint): Promise<'waiting' | 'done'> {
    if (isSame(now, file.source)) return (await judge.isOpen(now)) ? 'waiting' : publish(file, now.size);
    const judgement = await judge.of(file._id, data.file(file._id), now);
    if (judgement === 'whole') return publish(file, now.size);
    if (judgement === 'waiting' || judgement.knownMs < flawLimitMs) return 'waiting';
    return putBack(file);
  }

  async function endCopy(file: Arriving, now: Fingerprint, left: Fingerprint | undefined): Promise<'waiting' | 'done'> {
    const { source } = file;
    const isSource =
      left !== undefined && (source.inode === undefined ? isSame(left, source) : left.inode === source.inode);
    // What is there under the name by now, if it is not the source, is another file.
    if (!isSource) return publish(file, now.size);
    if (!isSame(left, source) || now.size !== left.size || (await judge.isOpen(left))) {
      await rm(data.file(file._id), { force: true });
      return giveUp(file._id);
    }
    await rm(joinName(path, file.name), { force: true });
    await syncPath(path);
    return publish(file, now.size);
  }

  async function publish({ _id }: Arriving, size: number): Promise<'done'> {
    if (await files.publish(_id, size)) log.info({ fileId: _id, sizeBytes: size }, 'file taken from the watch folder');
    else await removeUpload(data, _id);
    return 'done';
  }

  async function giveUp(fileId: string): Promise<'done'> {
    await files.remove([fileId]);
    await rm(incomingPath(data, fileId), { force: true });
    return 'done';
  }

  async function putBack({ _id, name }: Arriving): Promise<'done'> {
    const from = data.file(_id);
    try {
      // A link, as it never takes the place of another file.
      await link(from, joinName(path, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      await link(from, joinName(path, _id));
    }
    await syncPath(path);
    await files.remove([_id]);
    await rm(from, { force: true });
    return 'done';
  }
}
