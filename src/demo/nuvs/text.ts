import { type Column, formatTable } from '../screen/table.js';
import type { Contig, ContigOrf, HiddenVirus, NuvsReport, ProfileMatch } from './report.js';

const MAP_WIDTH = 40;
const SHOWN_NAMES = 2;

const CONTIG_COLUMNS: Column[] = [
  { title: 'Contig', align: 'right' },
  { title: 'Bases', align: 'right' },
  { title: 'ORFs', align: 'right' },
  { title: 'Profiles', align: 'right' },
  { title: 'Best E-value', align: 'right' },
  { title: 'Proteins like' },
];

const ORF_COLUMNS: Column[] = [
  { title: 'ORF', align: 'right' },
  { title: 'Bases' },
  { title: 'Residues', align: 'right' },
  { title: 'Along the contig' },
  { title: 'E-value', align: 'right' },
  { title: 'Best profile' },
];

/** What NuVs found, for people: its contigs, and the ORFs of those that are the viruses that the sample hides. */
export function nuvsText({ contigs, hidden, hmmRelease }: NuvsReport): string[] {
  return [
    '',
    `NuVs assembled ${contigs.length} contigs with ORFs of what neither the reference nor the host explains, and compared them with`,
    `the profiles of the HMM data (release ${hmmRelease}):`,
    '',
    ...formatTable(CONTIG_COLUMNS, contigs.map(contigRow)),
    '',
    ...hidden.flatMap((virus) => virusLines(virus, contigs)),
  ];
}

function contigRow({ index, bases, orfs }: Contig): string[] {
  const best = bestOf(orfs.flatMap(({ matches }) => matches));
  const profiles = new Set(orfs.flatMap(({ matches }) => matches.map(({ cluster }) => cluster)));
  const figures = [String(index), String(bases), String(orfs.length), String(profiles.size)];
  return [...figures, best ? formatE(best.eValue) : '', best ? describe(best) : ''];
}

function virusLines({ name, bases, contig: index }: HiddenVirus, contigs: readonly Contig[]): string[] {
  const contig = contigs.find((candidate) => candidate.index === index);
  if (!contig) return [`✗ No contig is like ${name}, which the sample holds and the reference does not.`];
  const share = ((100 * contig.bases) / bases).toFixed(1);
  return [
    `The open reading frames of contig ${contig.index} (${'▶'} on its strand, ${'◀'} on the other):`,
    '',
    ...formatTable(
      ORF_COLUMNS,
      contig.orfs.map((orf, i) => orfRow(orf, i, contig.bases)),
    ),
    '',
    `✓ Contig ${contig.index} is ${name}, which the reference does not contain: ${contig.bases} bases, ${share} % of its genome of ${bases}.`,
  ];
}

function orfRow(orf: ContigOrf, index: number, bases: number): string[] {
  const [best] = orf.matches;
  return [
    String(index),
    `${orf.start}–${orf.end}`,
    String(orf.residues),
    mapOf(orf, bases),
    best ? formatE(best.eValue) : '',
    best ? `vFam_${best.cluster}: ${describe(best)}` : '',
  ];
}

/** Where an ORF lies on its contig. */
function mapOf({ strand, start, end }: ContigOrf, bases: number): string {
  const from = Math.floor(((start - 1) / bases) * MAP_WIDTH);
  const to = Math.max(from + 1, Math.ceil((end / bases) * MAP_WIDTH));
  return Array.from({ length: MAP_WIDTH }, (_, i) => (i < from || i >= to ? '·' : strand === 1 ? '▶' : '◀')).join('');
}

function bestOf(matches: readonly ProfileMatch[]): ProfileMatch | undefined {
  return matches.toSorted((a, b) => a.eValue - b.eValue)[0];
}

function describe({ names, viruses }: ProfileMatch): string {
  const [first = 'unnamed virus', ...others] = viruses;
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  return `${names.slice(0, SHOWN_NAMES).join(', ')} of ${first}${more}`;
}

function formatE(value: number): string {
  return value === 0 ? '0' : value.toExponential(1);
}
