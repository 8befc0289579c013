import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { type FastqFacts, FastqScanner, type RecordHandler } from '../../bio/fastq.js';
import { LineEnds } from '../../bio/line_ends.js';
import { firstWordEnd } from '../../bio/name_hash.js';
import type { Checksum } from '../../files/checksums.js';
import { BadGzip, type GzipFacts, gunzip } from '../../files/gunzip.js';
import type { RawCounts } from './raw_counting.js';
import { UniqueNames } from './unique_names.js';

const BLOCK_BYTES = 256 * 1024;

/** Where the reads of an upload come from and where they go. */
export type ReadFileTask = {
  from: string;
  isGzip: boolean;
  /**
   * A copy of the upload as it is, byte for byte, good as long as nothing in it has to be changed; or an open descriptor, a pipe into a
   * compressor, that gets the text of the reads.
   */
  to: { copy: string } | { descriptor: number };
  /** Where names may lie for the time of the work. */
  namesPath: string;
};

/** What was found in a file of reads. */
export type ReadFileFindings = FastqFacts &
  RawCounts & {
    uniqueNames: boolean;
    /** Whether ends of lines were not line feeds alone. */
    hasOtherLineEnds: boolean;
    /** Whether zeros lay between or behind the members of the gzip data. */
    hasPadding: boolean;
    /** Of the copy; null where a compressor makes the file. */
    checksum: Checksum | null;
  };

/** What is told while a file is read. */
export type ReadFileHooks = {
  /** Gets every record. */
  onRecord: RecordHandler;
  /** Gets the text of whole records, which is good until it resolves. */
  onText: (records: Buffer) => Promise<void>;
  /** Gets the number of bytes that were read of the upload. */
  onBytes: (count: number) => void;
};

/** A file of reads on its way into a sample: checked and copied or rewritten, piece by piece. */
export class ReadFile {
  readonly scanner: FastqScanner;
  /** What is wrong with the file, for its user. */
  problem: { message: string; advice: string } | undefined;
  readonly #task: ReadFileTask;
  readonly #hooks: ReadFileHooks;
  readonly #lineEnds = new LineEnds();
  readonly #gzip: GzipFacts = { hasPadding: false };
  readonly #names: UniqueNames;
  readonly #hash = createHash('sha256');
  readonly #text: AsyncGenerator<Buffer>;
  #copy: FileHandle | undefined;
  #copied = 0;

  constructor(task: ReadFileTask, hooks: ReadFileHooks) {
    this.#task = task;
    this.#hooks = hooks;
    this.#names = new UniqueNames(task.namesPath);
    this.scanner = new FastqScanner((memory, header, headerEnd, sequence, sequenceEnd) => {
      this.#names.add(memory, header, firstWordEnd(memory, header, headerEnd));
      hooks.onRecord(memory, header, headerEnd, sequence, sequenceEnd);
    });
    this.#text = task.isGzip ? gunzip(this.#upload(), this.#gzip) : this.#upload();
  }

  /** Whether something has to be changed although the upload is copied as it is; then the work is in vain. */
  get mustBeRewritten(): boolean {
    const { readsWithU, hasBlankEnd } = this.scanner.facts;
    const isChanged = this.#lineEnds.isChanged || this.#gzip.hasPadding || readsWithU > 0 || hasBlankEnd;
    return isChanged && 'copy' in this.#task.to;
  }

  /** Does the next piece of work; false when the file has ended, or is refused. */
  async next(): Promise<boolean> {
    try {
      const { done, value } = await this.#text.next();
      if (!done) await this.#take(this.scanner.push(this.#lineEnds.push(value)));
      else {
        await this.#take(this.scanner.push(this.#lineEnds.end()));
        await this.#take(this.scanner.finish());
        await this.#endCopy();
      }
      this.#noteProblem();
      return !done && this.problem === undefined;
    } catch (error) {
      if (!(error instanceof BadGzip)) throw error;
      this.problem = GZIP_PROBLEMS[error.problem];
      return false;
    }
  }

  /** What was found, with what was `counted`; after the end of the file. */
  findings(counted: RawCounts): ReadFileFindings {
    return {
      ...this.scanner.facts,
      ...counted,
      uniqueNames: this.#names.areUnique(),
      hasOtherLineEnds: this.#lineEnds.isChanged,
      hasPadding: this.#gzip.hasPadding,
      checksum: 'copy' in this.#task.to ? { sha256: this.#hash.digest('hex'), size: this.#copied } : null,
    };
  }

  /** Lets go of all files. */
  async close(): Promise<void> {
    await this.#text.return(undefined);
    await this.#copy?.close();
    this.#copy = undefined;
    this.#names.close();
  }

  async #take(records: Buffer): Promise<void> {
    if (records.length === 0 || this.scanner.problem || this.mustBeRewritten) return;
    await this.#hooks.onText(records);
    const { to } = this.#task;
    if (!('descriptor' in to)) return;
    for (let written = 0; written < records.length; ) written += writeSync(to.descriptor, records, written);
  }

  #noteProblem(): void {
    const { problem } = this.scanner;
    if (problem) this.problem = { message: problem.message, advice: 'Correct the file and upload it again.' };
  }

  /** The bytes of the upload; copies them on the way. A block is good until the next one is asked for. */
  async *#upload(): AsyncGenerator<Buffer> {
    const { from, to } = this.#task;
    if ('copy' in to) this.#copy = await open(to.copy, 'w');
    const upload = await open(from);
    try {
      const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      for (;;) {
        const { bytesRead } = await upload.read(block, 0, block.length);
        if (bytesRead === 0) return;
        const bytes = block.subarray(0, bytesRead);
        const copying = this.#write(bytes);
        // Its failure is thrown below; until then it is nobody's.
        copying.catch(() => {});
        yield bytes;
        await copying;
        this.#hooks.onBytes(bytesRead);
      }
    } finally {
      await upload.close();
    }
  }

  async #write(bytes: Buffer): Promise<void> {
    if (!this.#copy) return;
    this.#hash.update(bytes);
    this.#copied += bytes.length;
    for (let written = 0; written < bytes.length; ) {
      written += (await this.#copy.write(bytes, written)).bytesWritten;
    }
  }

  /** Without a last line feed skewer loses the last two reads. gzip data may be joined: the line feed becomes a member of its own. */
  async #endCopy(): Promise<void> {
    if (this.scanner.facts.lacksLineFeed && !this.mustBeRewritten) await this.#write(gzipSync('\n'));
    await this.#copy?.close();
    this.#copy = undefined;
  }
}

const GZIP_PROBLEMS = {
  damaged: {
    message: 'the gzip data is damaged or cut.',
    advice: 'Compress the reads again and upload them whole.',
  },
  trailing_bytes: {
    message: 'something that is not gzip data follows the compressed reads.',
    advice: 'Compress the reads again, each file into one gzip file, and upload them.',
  },
};
