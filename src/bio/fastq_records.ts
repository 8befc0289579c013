/** A read: its header without `@`, bases and qualities. */
export type FastqRecord = { header: string; sequence: string; quality: string };

/**
 * Joins the lines of a FASTQ file to records of four lines. CR LF ends are understood, the third line may repeat the name, blank lines
 * between records are passed over.
 */
export class FastqReader {
  #lines: string[] = [];

  /**
   * Takes the next line; gives the record that it completes.
   *
   * @throws SyntaxError when a record does not begin as one.
   */
  push(line: string): FastqRecord | undefined {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    if (this.#lines.length === 0 && text === '') return undefined;
    if (this.#lines.length === 0 && !text.startsWith('@')) throw illegal(text);
    if (this.#lines.length === 2 && !text.startsWith('+')) throw illegal(text);
    this.#lines.push(text);
    if (this.#lines.length < 4) return undefined;
    const [header, sequence, , quality] = this.#lines as [string, string, string, string];
    this.#lines = [];
    return { header: header.slice(1), sequence, quality };
  }

  /** @throws SyntaxError when the file ends in the middle of a record. */
  end(): void {
    if (this.#lines.length > 0) throw new SyntaxError('The FASTQ file ends in the middle of a record');
  }
}

function illegal(line: string): SyntaxError {
  return new SyntaxError(`Illegal FASTQ line: ${line.slice(0, 80)}`);
}

/** What Bowtie 2 keeps of a name. */
const MAX_NAME_LENGTH = 255;

/** The name of a read as aligners have it: the first word of its header, cut at 255 characters. */
export function readName(header: string): string {
  const end = header.search(/[ \t]/);
  return header.slice(0, Math.min(end < 0 ? header.length : end, MAX_NAME_LENGTH));
}

/** A record as FASTQ text, with a bare third line. */
export function formatFastqRecord({ header, sequence, quality }: FastqRecord): string {
  return `@${header}\n${sequence}\n+\n${quality}\n`;
}
