import type { Readable } from 'node:stream';

/**
 * A process that left its group (setsid) may keep a pipe open for ever after the tool itself is gone; this long is waited
 * for more bytes from it.
 */
const STRAY_WRITER_MS = 2_000;

/** The stdout of a child as an async iterable that can be ended from outside. */
export type ChunkSource = {
  readonly chunks: AsyncIterable<Buffer>;
  /** Makes the consumer's next read fail with this reason. */
  abort(reason: unknown): void;
  /** The tool is gone: what is in the pipe may still be read, but more is not waited for beyond a limit. */
  toolEnded(): void;
  /** No more is wanted; a tool that still writes fails. */
  close(): void;
  /** The consumer did not read to the end: that the tool failed then is no wonder. */
  leftEarly(): boolean;
  /** The consumer is busy with what it has got, and more may wait for it. */
  isBehind(): boolean;
};

/** Wraps a child's stdout; the child waits whenever the consumer does. */
export function chunkSource(stream: Readable): ChunkSource {
  let waitingSince: number | undefined;
  let watch: NodeJS.Timeout | undefined;
  let complete = false;
  let left = false;
  let isBehind = false;
  // A consumer that is busy elsewhere must not turn a destroyed stream into an uncaught error.
  stream.on('error', () => {});
  // When a child ends, Node throws away what nobody has begun to read; a listener from the start keeps it.
  stream.on('readable', () => {});

  async function* read(): AsyncGenerator<Buffer> {
    const iterator: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]();
    try {
      for (;;) {
        waitingSince = Date.now();
        const next = await iterator.next();
        waitingSince = undefined;
        complete = next.done === true;
        if (next.done) return;
        isBehind = true;
        yield next.value;
        isBehind = false;
      }
    } finally {
      left = !complete;
      isBehind = false;
      clearInterval(watch);
      stream.destroy();
    }
  }

  function endStrayWriter(): void {
    if (waitingSince === undefined || Date.now() - waitingSince < STRAY_WRITER_MS) return;
    stream.destroy(new Error('A process that left the process group of its tool keeps the output open'));
  }

  return {
    chunks: read(),
    leftEarly: () => left,
    isBehind: () => isBehind,
    abort: (reason) => {
      stream.destroy(reason instanceof Error ? reason : new Error(String(reason)));
    },
    toolEnded: () => {
      waitingSince = waitingSince === undefined ? undefined : Date.now();
      watch ??= setInterval(endStrayWriter, STRAY_WRITER_MS / 4);
    },
    close: () => {
      clearInterval(watch);
      stream.destroy();
    },
  };
}

/** Hands every chunk of a child's stderr to `handle`. The function that it returns waits for the end, `limitMs` at most. */
export function pumpStderr(stream: Readable, handle: (chunk: Buffer) => void): (limitMs?: number) => Promise<void> {
  const closed = new Promise<void>((resolve) => {
    stream.on('data', handle);
    stream.once('error', () => resolve());
    stream.once('close', () => resolve());
  });
  return async (limitMs = STRAY_WRITER_MS) => {
    const limit = setTimeout(() => stream.destroy(), limitMs);
    await closed;
    clearTimeout(limit);
  };
}
