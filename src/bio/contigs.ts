/** A record of a FASTA file: the header without `>`, and the bases of all its lines. */
export type FastaRecord = { header: string; sequence: string };

/** Joins the lines of a FASTA file to records. */
export class FastaReader {
  #header: string | undefined;
  #lines: string[] = [];

  /**
   * Takes the next line; gives the record that it ends.
   *
   * @throws SyntaxError for text before the first header.
   */
  push(line: string): FastaRecord | undefined {
    const text = line.trimEnd();
    if (text.startsWith('>')) {
      const ended = this.end();
      this.#header = text.slice(1);
      return ended;
    }
    if (!this.#header) throw new SyntaxError(`Illegal FASTA line: ${text.slice(0, 80)}`);
    this.#lines.push(text);
    return undefined;
  }

  /** The last record, if there is one. */
  end(): FastaRecord | undefined {
    const header = this.#header;
    const sequence = this.#lines.join('');
    this.#header = undefined;
    this.#lines = [];
    return header === undefined ? undefined : { header, sequence };
  }
}

/**
 * The records of a FASTA text.
 *
 * @throws SyntaxError for text before the first header.
 */
export function readFastaRecords(text: string): FastaRecord[] {
  const reader = new FastaReader();
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return [...lines.map((line) => reader.push(line)), reader.end()].filter((record) => record !== undefined);
}

const LINE_BASES = 60;

/**
 * The scaffolds of SPAdes in an order that does not depend on the pace of its threads: those of the same length and coverage come as
 * the threads finish them, so they are sorted by their bases, and the headers stay where they are.
 */
export function sortTies(scaffolds: readonly FastaRecord[]): FastaRecord[] {
  const sorted: FastaRecord[] = [];
  for (let start = 0; start < scaffolds.length; ) {
    const rank = rankOf(scaffolds[start] as FastaRecord);
    let end = start + 1;
    while (end < scaffolds.length && rankOf(scaffolds[end] as FastaRecord) === rank) end++;
    const tied = scaffolds.slice(start, end);
    const sequences = tied.map(({ sequence }) => sequence).sort();
    sorted.push(...tied.map(({ header }, i) => ({ header, sequence: sequences[i] as string })));
    start = end;
  }
  return sorted;
}

// `NODE_<number>_length_<bases>_cov_<k-mer coverage>`: all behind the number.
function rankOf({ header }: FastaRecord): string {
  return header.replace(/^NODE_\d+_/, '');
}

/** A record as FASTA text with lines of 60 bases. */
export function formatFastaRecord({ header, sequence }: FastaRecord): string {
  let text = `>${header}\n`;
  for (let i = 0; i < sequence.length; i += LINE_BASES) text += `${sequence.slice(i, i + LINE_BASES)}\n`;
  return text;
}
