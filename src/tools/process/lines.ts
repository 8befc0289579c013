import { StringDecoder } from 'node:string_decoder';

/** A line of text; `transient` when a carriage return ended it, as in a progress bar that is drawn over and over. */
export type Line = { readonly text: string; readonly transient: boolean };

/** Without a line end for this long, a line is cut here: memory stays bounded. */
const LONGEST_LINE = 65_536;

/**
 * Cuts bytes into readable lines: UTF-8 (other bytes become U+FFFD), without terminal colours and control characters. LF
 * and CR LF end a line, a lone CR ends a transient one.
 */
export class LineReader {
  private readonly decoder = new StringDecoder('utf8');
  private rest = '';

  /** The lines that this chunk completes. */
  push(chunk: Buffer): Line[] {
    return this.cut(this.decoder.write(chunk));
  }

  /** The last line, when the stream ended without a line end. */
  end(): Line[] {
    const lines = this.cut(this.decoder.end());
    const last = this.rest.replace(/\r$/, '');
    this.rest = '';
    return last === '' ? lines : [...lines, { text: readable(last), transient: false }];
  }

  private cut(text: string): Line[] {
    const lines: Line[] = [];
    this.rest += text;
    let start = 0;
    // A CR at the very end may be half of a CR LF, so it waits for the next chunk.
    for (const match of this.rest.matchAll(/\r\n|\n|\r(?!$)/g)) {
      lines.push({ text: readable(this.rest.slice(start, match.index)), transient: match[0] === '\r' });
      start = match.index + match[0].length;
    }
    this.rest = this.rest.slice(start);
    while (this.rest.length > LONGEST_LINE) {
      lines.push({ text: readable(this.rest.slice(0, LONGEST_LINE)), transient: false });
      this.rest = this.rest.slice(LONGEST_LINE);
    }
    return lines;
  }
}

/** Keeps the last `size` lines, each cut to 1000 characters. */
export class Tail {
  private readonly lines: string[] = [];

  constructor(private readonly size: number) {}

  push(line: string): void {
    this.lines.push(line.length > 1000 ? `${line.slice(0, 1000)}…` : line);
    if (this.lines.length > this.size) this.lines.shift();
  }

  toArray(): string[] {
    return [...this.lines];
  }
}

/**
 * Complete lines of a stream in batches, one batch per chunk, without line ends; nothing is dropped or changed. `latin1`
 * keeps every byte as one character, for text that is written out again with the same encoding.
 */
export async function* lineBatches(
  chunks: AsyncIterable<Buffer>,
  encoding: 'utf8' | 'latin1' = 'utf8',
): AsyncGenerator<string[]> {
  const decoder = new StringDecoder(encoding);
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    if (lines.length > 0) yield lines;
  }
  rest += decoder.end();
  if (rest !== '') yield [rest];
}

function readable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours and control characters are what is removed.
  return text.replace(/\x1b\[[0-9;]*[A-Za-z]/g, '').replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '');
}
