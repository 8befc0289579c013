import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { type ToolCommand, threadCount } from './command.js';
import { DamagedGzip, OutputTooLarge } from './errors.js';
import { limited, toLimitedFile } from './process/sinks.js';
import { findProgram, toolEnvironment } from './programs.js';
import { type RunOptions, runTool, toFile } from './runner.js';

/** Compression or decompression of one file into another; the input stays. */
export type GzipJob = { from: string; to: string; threads: number };

/** How `compressFile` and `decompressFile` run; without pigz they work inside this process. */
export type GzipOptions = Pick<RunOptions, 'signal' | 'log' | 'inputs'> & { usePigz?: boolean };

/**
 * Compresses to stdout. Name and time stay out of the header, so that the same input gives the same bytes. Forced, as pigz
 * skips a plain file whose name ends in .gz.
 */
export function pigzCompress({ from, threads }: Omit<GzipJob, 'to'>): ToolCommand {
  return { argv: ['pigz', '--force', '--no-name', '--no-time', '-p', threadCount(threads), '-k', '--stdout', from] };
}

/** The same for what comes from stdin; of the same text it makes the same bytes. */
export function pigzCompressStream(threads: number): ToolCommand {
  return { argv: ['pigz', '--no-name', '--no-time', '-p', threadCount(threads), '--stdout'] };
}

/** Decompresses to stdout. */
export function pigzDecompress({ from, threads }: Omit<GzipJob, 'to'>): ToolCommand {
  return { argv: ['pigz', '-p', threadCount(threads), '-d', '-k', '--stdout', from] };
}

/** Compresses a file. pigz gives the same bytes for every number of threads; zlib, used without it, others. */
export async function compressFile(job: GzipJob, options: GzipOptions = {}): Promise<void> {
  if (usesPigz(options)) {
    await runTool(pigzCompress(job), { ...options, stdout: toFile(job.to) });
    return;
  }
  await inProcess('gzip', job, options, () =>
    pipeline(createReadStream(job.from), createGzip({ level: 6 }), createWriteStream(job.to), signalOf(options)),
  );
}

/**
 * Decompresses a gzip file. Throws `OutputTooLarge` above `limitBytes`, and `ToolFailed` (with pigz) or `DamagedGzip` when
 * the data is damaged, cut or no gzip at all. After a failure the output is there in part.
 */
export async function decompressFile(job: GzipJob & { limitBytes?: number }, options: GzipOptions = {}): Promise<void> {
  const limitBytes = job.limitBytes ?? Number.MAX_SAFE_INTEGER;
  if (usesPigz(options)) {
    const stdout = job.limitBytes === undefined ? toFile(job.to) : toLimitedFile(job.to, job.limitBytes);
    await runTool(pigzDecompress(job), { ...options, stdout });
    return;
  }
  await inProcess('gunzip', job, options, () =>
    pipeline(
      createReadStream(job.from),
      createGunzip(),
      (chunks: AsyncIterable<Buffer>) => limited(chunks, limitBytes),
      createWriteStream(job.to),
      signalOf(options),
    ),
  );
}

function usesPigz(options: GzipOptions): boolean {
  return options.usePigz ?? findProgram('pigz', toolEnvironment()) !== undefined;
}

function signalOf({ signal }: GzipOptions): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}

async function inProcess(verb: string, job: GzipJob, options: GzipOptions, work: () => Promise<void>): Promise<void> {
  options.signal?.throwIfAborted();
  options.log?.command(`${verb} ${job.from} (inside the server)`);
  try {
    await work();
  } catch (cause) {
    options.signal?.throwIfAborted();
    if (cause instanceof OutputTooLarge || !isZlibError(cause)) throw cause;
    throw new DamagedGzip(`${job.from} is damaged, cut, or not a gzip file`, { cause });
  }
}

/** zlib's codes all begin with Z_: Z_DATA_ERROR, Z_BUF_ERROR for a cut file. */
function isZlibError(error: unknown): boolean {
  return error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('Z_');
}
