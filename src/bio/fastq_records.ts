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

/** The name of a read: its header up to the first blank, less the `/1` or `/2` that tells mates apart. */
export function readName(header: string): string {
  const end = header.search(/[ \t]/);
  const name = end < 0 ? header : header.slice(0, end);
  return /\/[12]$/.test(name) ? name.slice(0, -2) : name;
}

/** A record as FASTQ text, with a bare third line. */
export function formatFastqRecord({ header, sequence, quality }: FastqRecord): string {
  return `@${header}\n${sequence}\n+\n${quality}\n`;
}

/** Below this only the offset 33 makes sense; SPAdes looks for such a character, or for one above `HIGHEST_OF_33`. */
const LOWEST_OF_64 = 59;
const HIGHEST_OF_33 = 75;
/** What SPAdes is sure to look at. */
const FIRST_READS = 100;

/** Finds out whether SPAdes can tell the offset of Phred qualities by itself, and which it is when not. */
export class PhredOffset {
  #lowest = 255;
  #highest = 0;
  #reads = 0;
  #isPlain = false;

  /** Takes the qualities of the next read; false when nothing more needs to be read. */
  push(quality: string): boolean {
    this.#reads++;
    for (let i = 0; i < quality.length; i++) {
      const code = quality.charCodeAt(i);
      if (code < this.#lowest) this.#lowest = code;
      if (code > this.#highest) this.#highest = code;
    }
    if (this.#lowest < LOWEST_OF_64) this.#isPlain = this.#reads <= FIRST_READS;
    return this.#lowest >= LOWEST_OF_64;
  }

  /**
   * The offset to tell SPAdes; undefined when it is plain. Reads of a constant quality, such as 40, look the same with both offsets:
   * 33 is what sequencers have written since 2011.
   */
  explicit(): 33 | 64 | undefined {
    if (this.#isPlain) return undefined;
    return this.#lowest >= LOWEST_OF_64 && this.#highest > HIGHEST_OF_33 ? 64 : 33;
  }
}
