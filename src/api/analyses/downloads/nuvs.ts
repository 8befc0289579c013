import type { AnalysisReads, HmmAnnotation } from '../../../store/analyses.js';
import type { Store } from '../../../store/index.js';
import { createTurns } from '../turns.js';
import { formatCsv } from './csv.js';
import { withReads } from './reads.js';
import type { Cell } from './table.js';

/** What NuVs found in a contig, as it is stored. */
export type NuvsContig = {
  index: number;
  sequence: string;
  orfs: NuvsOrf[];
  /** Its BLAST, in analyses of old releases. */
  blast?: { ready?: boolean; result?: unknown } | null;
};

type NuvsOrf = {
  index: number;
  /** Residues. */
  pro: string;
  frame: number;
  strand: 1 | -1;
  /** Start (0-based) and end (exclusive) on the contig. */
  pos: [number, number];
  hits: NuvsHit[];
};

type NuvsHit = { hit: string } & Record<(typeof FIGURES)[number], number>;

const FIGURES = ['full_e', 'full_score', 'full_bias', 'best_e', 'best_score', 'best_bias'] as const;

const EXTENSIONS = ['fa', 'orfs.fa', 'csv'] as const;

/** What a NuVs result can be had as: contigs, proteins, hits. */
export type NuvsExtension = (typeof EXTENSIONS)[number];

/** Whether NuVs results can be had as files of this extension. */
export function isNuvsExtension(text: string): text is NuvsExtension {
  return (EXTENSIONS as readonly string[]).includes(text);
}

/** The text of such a file. With `reads` each row of hits also tells what became of them, undefined where that is not known. */
export async function formatNuvsFile(
  store: Pick<Store, 'analyses'>,
  contigs: readonly NuvsContig[],
  extension: NuvsExtension,
  columns: { reads?: AnalysisReads | undefined } = {},
): Promise<string> {
  if (extension === 'fa') return formatContigs(contigs);
  if (extension === 'orfs.fa') return formatOrfs(contigs);
  const rows = await hitTable(contigs, await store.analyses.hmmAnnotations(hmmIdsOf(contigs)));
  return formatCsv('reads' in columns ? withReads(rows, columns.reads) : rows);
}

/** Ids of the HMMs that the contigs name, each once. */
export function hmmIdsOf(contigs: readonly Pick<NuvsContig, 'orfs'>[]): string[] {
  return [...new Set(contigs.flatMap(({ orfs }) => orfs.flatMap(({ hits }) => hits.map(({ hit }) => hit))))];
}

/** The contigs as FASTA: `>sequence_<contig>`, its length, and the numbers of its ORFs and hits. */
function formatContigs(contigs: readonly NuvsContig[]): string {
  return contigs
    .map(({ index, sequence, orfs }) => {
      const hits = orfs.reduce((sum, orf) => sum + orf.hits.length, 0);
      return `>sequence_${index} length=${sequence.length} orfs=${orfs.length} hits=${hits}\n${sequence}\n`;
    })
    .join('');
}

/** The proteins as FASTA: `>sequence_<contig>.<ORF>` and where the ORF is, counted from 1, both ends included. */
function formatOrfs(contigs: readonly NuvsContig[]): string {
  return contigs
    .flatMap(({ index, orfs }) =>
      orfs.map(({ index: orf, pro, frame, strand, pos: [start, end] }) => {
        const place = `strand=${signOf(strand)} frame=${frame} start=${firstBase(start)} end=${end}`;
        return `>sequence_${index}.${orf} ${place} length=${pro.length}\n${pro}\n`;
      }),
    )
    .join('');
}

const HEADER = [
  ...['Contig', 'Contig Length', 'ORF', 'Strand', 'Frame', 'Start', 'End', 'Protein Length'],
  ...['Cluster', 'Names', 'Families', 'E-value', 'Score', 'Bias'],
  ...['Best Domain E-value', 'Best Domain Score', 'Best Domain Bias'],
];

/**
 * The hits as a table, a row per hit. Start and end are counted from 1, both included. A hit whose HMM is gone has no
 * cluster, names and families.
 */
async function hitTable(
  contigs: readonly NuvsContig[],
  annotations: ReadonlyMap<string, HmmAnnotation>,
): Promise<Cell[][]> {
  const rest = createTurns();
  const rows: Cell[][] = [HEADER];
  for (const { index, sequence, orfs } of contigs) {
    for (const { index: orf, pro, frame, strand, pos, hits } of orfs) {
      await rest();
      const place = [index, sequence.length, orf, signOf(strand), frame, firstBase(pos[0]), pos[1], pro.length];
      for (const hit of hits) {
        const known = annotations.get(hit.hit);
        const hmm = [known?.cluster ?? '', known?.names.join('; ') ?? '', familiesOf(known)];
        rows.push([...place, ...hmm, ...FIGURES.map((figure) => hit[figure])]);
      }
    }
  }
  return rows;
}

function familiesOf(annotation: HmmAnnotation | undefined): string {
  return Object.entries(annotation?.families ?? {})
    .map(([family, count]) => `${family} (${count})`)
    .join('; ');
}

function signOf(strand: 1 | -1): string {
  return strand === 1 ? '+' : '-';
}

// Old releases let an ORF that is open at its end begin before the contig.
function firstBase(start: number): number {
  return Math.max(0, start) + 1;
}
