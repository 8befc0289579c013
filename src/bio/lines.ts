const LINE_FEED = 10;
const MAX_LINE_CHARACTERS = 64 * 1024 * 1024;

/** Cuts a stream of bytes into lines. */
export type LineSplitter = {
  /** Takes the next bytes; calls back for each line that ends in them. */
  push(chunk: Uint8Array): void;
  /** Calls back for a last line without line feed. */
  end(): void;
};

/**
 * A splitter that calls `onLine` for each line, without its line feed. Each byte becomes one character (latin1), so a
 * line written back as latin1 has the same bytes, whatever the encoding of the read names. A line beyond 64 Mi characters is
 * an error. Lines may share memory with the chunk they came in: copy what is kept for long.
 */
export function createLineSplitter(onLine: (line: string) => void): LineSplitter {
  let rest = '';
  return {
    push(chunk) {
      const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
      let start = 0;
      if (rest !== '') {
        const end = text.indexOf('\n');
        if (end < 0) {
          rest += text;
          if (rest.length > MAX_LINE_CHARACTERS)
            throw new Error(`A line is longer than ${MAX_LINE_CHARACTERS} characters`);
          return;
        }
        onLine(rest + text.slice(0, end));
        rest = '';
        start = end + 1;
      }
      for (let end = text.indexOf('\n', start); end >= 0; end = text.indexOf('\n', start)) {
        onLine(text.slice(start, end));
        start = end + 1;
      }
      rest = chunk.at(-1) === LINE_FEED ? '' : text.slice(start);
    },
    end() {
      if (rest !== '') onLine(rest);
      rest = '';
    },
  };
}
