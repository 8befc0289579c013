import { createReadStream } from 'node:fs';

const CHUNK_BYTES = 256 * 1024;

/**
 * The documents of a file that holds one list of them as JSON, parsed one at a time: a whole file of results would hold up every other
 * request for as long as it takes.
 *
 * @throws SyntaxError when the file is not such a list or is cut short; the error of `node:fs` when it cannot be read.
 */
export async function* readJsonList(path: string): AsyncGenerator<unknown> {
  const scanner = createScanner(path);
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    for (const text of scanner.documentsIn(chunk)) yield JSON.parse(text);
  }
  scanner.end();
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_DOCUMENT = 0x7b;
const CLOSE_DOCUMENT = 0x7d;
const BLANKS: readonly number[] = [0x20, 0x09, 0x0a, 0x0d];

/** Cuts the list at the brackets of its documents. Inside of them it only tells texts and brackets; the parser checks the rest. */
function createScanner(path: string) {
  let depth = 0;
  let hasEnded = false;
  let isText = false;
  let isEscaped = false;
  let parts: Buffer[] = [];

  const fail = (what: string): never => {
    throw new SyntaxError(`${path} does not hold a list of documents: ${what}`);
  };

  /** Takes a byte outside of texts; true when a document ends with it. */
  const step = (byte: number): boolean => {
    if (byte === OPEN_LIST || byte === OPEN_DOCUMENT) {
      const isExpected = depth > 1 || (!hasEnded && byte === (depth === 0 ? OPEN_LIST : OPEN_DOCUMENT));
      if (!isExpected) fail('unexpected bracket');
      depth += 1;
    } else if (byte === CLOSE_LIST || byte === CLOSE_DOCUMENT) {
      depth -= 1;
      hasEnded = depth === 0;
      return depth === 1;
    } else if (depth < 2 && byte !== COMMA && !BLANKS.includes(byte)) {
      fail('unexpected value');
    } else if (byte === QUOTE) {
      isText = true;
    }
    return false;
  };

  return {
    *documentsIn(chunk: Buffer): Generator<string> {
      let start = 0;
      for (let at = 0; at < chunk.length; at += 1) {
        const byte = chunk[at] as number;
        if (isText) {
          if (isEscaped) isEscaped = false;
          else if (byte === BACKSLASH) isEscaped = true;
          else if (byte === QUOTE) isText = false;
          continue;
        }
        const wasBetween = depth === 1;
        const isEnd = step(byte);
        if (wasBetween && depth === 2) start = at;
        if (!isEnd) continue;
        yield Buffer.concat([...parts, chunk.subarray(start, at + 1)]).toString('utf8');
        parts = [];
      }
      if (depth > 1) parts.push(chunk.subarray(start));
    },
    end(): void {
      if (!hasEnded) fail('it ends too early');
    },
  };
}
