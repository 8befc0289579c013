import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type ToolCommand, threadCount } from './command.js';
import { findProgram, toolEnvironment } from './programs.js';
import { type RunOptions, runTool, toFile } from './runner.js';

/** Compression of one file into another; the input stays. */
export type GzipJob = { from: string; to: string; threads: number };

/** How `compressFile` runs; without pigz it works inside this process. */
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

/** Compresses a file. pigz gives the same bytes for every number of threads; zlib, used without it, others. */
export async function compressFile(job: GzipJob, options: GzipOptions = {}): Promise<void> {
  if (usesPigz(options)) {
    await runTool(pigzCompress(job), { ...options, stdout: toFile(job.to) });
    return;
  }
  options.log?.command(`gzip ${job.from} (inside the server)`);
  await pipeline(
    createReadStream(job.from),
    createGzip({ level: 6 }),
    createWriteStream(job.to),
    signalOf(options),
  ).catch((error: unknown) => {
    options.signal?.throwIfAborted();
    throw error;
  });
}

function usesPigz(options: GzipOptions): boolean {
  return options.usePigz ?? findProgram('pigz', toolEnvironment()) !== undefined;
}

function signalOf({ signal }: GzipOptions): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}
