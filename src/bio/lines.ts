const LINE_FEED = 10;
/** Room for a line that came in two chunks; it grows when one is longer. */
const SPLIT_LINE_BYTES = 64 * 1024;
const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** Cuts a stream of bytes into lines. */
export type LineSplitter = {
  /** Takes the next bytes; calls back for each line that ends in them. */
  push(chunk: Uint8Array): void;
  /** Calls back for a last line without line feed. */
  end(): void;
};

/**
 * A splitter that hands over each line as bytes `start` to `end`, without its line feed, and makes no text of them; they are good until
 * the callback returns. A line beyond 64 Mi bytes is an error.
 */
export function createLineSplitter(onLine: (bytes: Uint8Array, start: number, end: number) => void): LineSplitter {
  let rest = Buffer.alloc(SPLIT_LINE_BYTES);
  let used = 0;
  const keep = (bytes: Uint8Array) => {
    const length = used + bytes.length;
    if (length > MAX_LINE_BYTES) throw new Error(`A line is longer than ${MAX_LINE_BYTES} bytes`);
    if (length > rest.length) {
      const larger = Buffer.alloc(length * 2);
      larger.set(rest.subarray(0, used));
      rest = larger;
    }
    rest.set(bytes, used);
    used = length;
  };
  const end = () => {
    const length = used;
    used = 0;
    if (length > 0) onLine(rest, 0, length);
  };
  return {
    push(chunk) {
      // Buffer finds a byte several times as fast as Uint8Array.
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      let start = 0;
      if (used > 0) {
        const lineEnd = bytes.indexOf(LINE_FEED);
        keep(lineEnd < 0 ? bytes : bytes.subarray(0, lineEnd));
        if (lineEnd < 0) return;
        end();
        start = lineEnd + 1;
      }
      for (let at = bytes.indexOf(LINE_FEED, start); at >= 0; at = bytes.indexOf(LINE_FEED, start)) {
        onLine(bytes, start, at);
        start = at + 1;
      }
      if (start < bytes.length) keep(bytes.subarray(start));
    },
    end,
  };
}
