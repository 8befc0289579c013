import type { GenbankRecord } from '../contracts/genbank.js';

/** Column where the text of a keyword begins (GenBank release notes, section 3.4). */
const TEXT_COLUMN = 12;

const SEQUENCE_LINE = /^\d+((?: +[A-Za-z]+)+)$/;
/** Stands where the bases are not known, perhaps with a word about it. */
const GAP_LINE = /^\[gap (?:unk)?(\d{1,7}) bp\]/;
const IUPAC = /^[ACGTRYSWKMBDHVN]+$/;

/**
 * Reads the first record of a GenBank flat file (GenBank release notes, chapter 3). Texts over several lines are joined with blanks; of several hosts
 * the last one counts, as in release 3.7.3; gaps are as many N, and U is T. `no_bases` for a record that only says of what other records it
 * is made (CONTIG, WGS); undefined for what is no such file, or has a sequence that cannot be read.
 */
export function parseGenbank(text: string): GenbankRecord | 'no_bases' | undefined {
  const sections = readSections(text);
  const [version = ''] = (sections.get('VERSION') ?? []).join(' ').split(/\s+/);
  if (!sections.has('LOCUS') || version === '') return undefined;
  // What stands on the line of the keyword tells where the sequence begins in nature.
  const sequence = basesIn((sections.get('ORIGIN') ?? []).slice(1));
  if (sequence === '') return 'no_bases';
  if (sequence === undefined || !IUPAC.test(sequence)) return undefined;
  const definition = (sections.get('DEFINITION') ?? []).join(' ');
  return { accession: version, definition, host: hostOf(sections.get('FEATURES') ?? []), sequence };
}

/** Bases in upper case; undefined when a line is none of a sequence. */
function basesIn(lines: readonly string[]): string | undefined {
  const parts: string[] = [];
  for (const line of lines.filter((one) => one !== '')) {
    const bases = SEQUENCE_LINE.exec(line)?.[1];
    const gap = GAP_LINE.exec(line)?.[1];
    if (bases === undefined && gap === undefined) return undefined;
    parts.push(bases?.replaceAll(' ', '') ?? 'N'.repeat(Number(gap)));
  }
  return parts.join('').toUpperCase().replaceAll('U', 'T');
}

/** The lines of each section by its keyword, less the keyword and blanks at both ends; the first section of a name counts. */
function readSections(text: string): Map<string, string[]> {
  const sections = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('//')) break;
    const keyword = /^[A-Z]+/.exec(line)?.[0];
    if (keyword) {
      lines = [];
      if (!sections.has(keyword)) sections.set(keyword, lines);
    }
    lines.push(line.slice(keyword ? Math.max(keyword.length, TEXT_COLUMN) : 0).trim());
  }
  return sections;
}

/** A qualifier goes on until its closing quote; a quote inside of it is doubled. */
function hostOf(features: readonly string[]): string {
  const qualifiers = features.join('\n').matchAll(/^\/(\w+)(?:="((?:[^"]|"")*)"|=([^\n]*))?/gm);
  const hosts = [...qualifiers].filter(([, name]) => name === 'host');
  const [, , quoted, plain = ''] = hosts.at(-1) ?? [];
  return (quoted?.replaceAll('""', '"') ?? plain.replace(/^"/, '')).split('\n').join(' ').trim();
}
