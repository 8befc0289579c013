import type { GenbankRecord } from '../contracts/genbank.js';

/** Column where the text of a keyword begins (GenBank release notes, section 3.4). */
const TEXT_COLUMN = 12;

/**
 * Reads the first record of a GenBank flat file (GenBank release notes, chapter 3). Texts over several lines are joined with blanks; of several hosts
 * the last one counts, as in release 3.7.3. Undefined for what is not such a file, and for a record without bases.
 */
export function parseGenbank(text: string): GenbankRecord | undefined {
  const sections = readSections(text);
  const [version = ''] = (sections.get('VERSION') ?? []).join(' ').split(/\s+/);
  const sequence = (sections.get('ORIGIN') ?? [])
    .join('')
    .replaceAll(/[^A-Za-z]/g, '')
    .toUpperCase();
  if (!sections.has('LOCUS') || version === '' || sequence === '') return undefined;
  const definition = (sections.get('DEFINITION') ?? []).join(' ');
  return { accession: version, definition, host: hostOf(sections.get('FEATURES') ?? []), sequence };
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

/** A qualifier goes on until its closing quote. */
function hostOf(features: readonly string[]): string {
  const hosts = [...features.join('\n').matchAll(/^\/host="?([^"]*)"?/gm)];
  return (hosts.at(-1)?.[1] ?? '').split('\n').join(' ').trim();
}
