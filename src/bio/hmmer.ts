/** A profile HMM that was found in an ORF, with E-value, score and bias of the whole ORF and of its best domain. */
export type ProfileHit = {
  /** Number in the name of the profile. */
  cluster: number;
  /** Position of the contig in the results, and of the ORF in the contig. */
  contig: number;
  orf: number;
  full_e: number;
  full_score: number;
  full_bias: number;
  best_e: number;
  best_score: number;
  best_bias: number;
};

/** A line of a table of hits: names, and the 14 columns of figures as they are printed. */
export type HitLine = { profile: string; protein: string; figures: string[] };

type SixFigures = [number, number, number, number, number, number];

/** A place in hmmscan's table: one protein and the profiles of the same printed E-value. */
export type Tie = { protein: string; profiles: string[] };

const PROTEIN = /^sequence_(\d+)\.(\d+)$/;
const PROFILE = /^vFam_(\d+)$/;
const FIGURES = 14;

/** The name of an ORF in FASTA files and tables. */
export function proteinName(contig: number, orf: number): string {
  return `sequence_${contig}.${orf}`;
}

/** The name of the profile of a cluster. */
export function profileName(cluster: number): string {
  return `vFam_${cluster}`;
}

/**
 * Hits of a table of hmmscan (`--tblout`) in the order of the file. Lines of other profiles than those of clusters are left out.
 *
 * @throws SyntaxError for a line of a cluster that is not whole.
 */
export function parseScanTable(text: string): ProfileHit[] {
  return linesOf(text).flatMap((columns) => {
    const cluster = PROFILE.exec(columns[0] ?? '')?.[1];
    if (cluster === undefined) return [];
    const [, contig, orf] = PROTEIN.exec(columns[2] ?? '') ?? [];
    const figures = columns.slice(4, 10).map(Number);
    if (contig === undefined || orf === undefined || figures.length < 6 || figures.some(Number.isNaN)) {
      throw new SyntaxError(`Illegal line in a table of hmmscan: ${columns.join(' ').slice(0, 200)}`);
    }
    const [full_e, full_score, full_bias, best_e, best_score, best_bias] = figures as SixFigures;
    const place = { cluster: Number(cluster), contig: Number(contig), orf: Number(orf) };
    return [{ ...place, full_e, full_score, full_bias, best_e, best_score, best_bias }];
  });
}

/** Lines of a table of hmmscan, in the order of the file. */
export function readScanLines(text: string): HitLine[] {
  return linesOf(text).map((columns) => toHitLine(columns, 0, 2));
}

/** Lines of a table of hmmsearch: the same figures, with profile and protein in each other's place. */
export function readSearchLines(text: string): HitLine[] {
  return linesOf(text).map((columns) => toHitLine(columns, 2, 0));
}

/**
 * Where the printed figures do not tell hmmscan's order: it sorts the profiles of a protein by the E-value before it is rounded to the
 * two digits that are printed. Profiles of which `twins` has the name of one that is the same but for its name count as that one.
 */
export function findTies(lines: readonly HitLine[], twins: ReadonlyMap<string, string> = new Map()): Tie[] {
  const ties = new Map<string, Tie>();
  for (const line of lines) {
    const key = `${line.protein} ${eValue(line)}`;
    const tie = ties.get(key) ?? { protein: line.protein, profiles: [] };
    const profile = twins.get(line.profile) ?? line.profile;
    if (!tie.profiles.includes(profile)) tie.profiles.push(profile);
    ties.set(key, tie);
  }
  return [...ties.values()].filter(({ profiles }) => profiles.length > 1);
}

/**
 * Lines in the order of hmmscan: proteins as in their FASTA file, which is by contig and ORF, then by E-value. `exact` are lines of
 * hmmscan that decide the ties, whatever else they hold; `twins` as for `findTies`: they follow each other by name.
 */
export function inScanOrder(
  lines: readonly HitLine[],
  exact: readonly HitLine[],
  twins: ReadonlyMap<string, string> = new Map(),
): HitLine[] {
  const key = ({ profile, protein }: HitLine) => `${protein} ${twins.get(profile) ?? profile}`;
  const places = new Map(exact.map((line, place) => [key(line), place]));
  const keyed = lines.map((line) => {
    const [, contig, orf] = PROTEIN.exec(line.protein) ?? [];
    return { line, contig: Number(contig), orf: Number(orf), e: eValue(line), place: places.get(key(line)) ?? -1 };
  });
  keyed.sort(
    (a, b) =>
      a.contig - b.contig ||
      a.orf - b.orf ||
      a.e - b.e ||
      a.place - b.place ||
      (a.line.profile < b.line.profile ? -1 : 1),
  );
  return keyed.map(({ line }) => line);
}

/** The table that hmmscan prints of these lines, less the comments behind it. Names are taken to be short. */
export function formatScanTable(lines: readonly HitLine[]): string {
  return [...HEADER, ...lines.map(formatLine)].map((line) => `${line}\n`).join('');
}

const NAME_WIDTH = 20;
/** Widths of the figures' columns. */
const WIDTHS = [9, 6, 5, 9, 6, 5, 5, 3, 3, 3, 3, 3, 3, 3];
const HEADER = [
  `#${' '.repeat(63)}--- full sequence ---- --- best 1 domain ---- --- domain number estimation ----`,
  '# target name        accession  query name           accession    E-value  score  bias   E-value  score  bias   exp reg clu  ov env dom rep inc description of target',
  '#------------------- ---------- -------------------- ---------- --------- ------ ----- --------- ------ -----   --- --- --- --- --- --- --- --- ---------------------',
];

function formatLine({ profile, protein, figures }: HitLine): string {
  const names = [profile.padEnd(NAME_WIDTH), '-'.padEnd(10), protein.padEnd(NAME_WIDTH), '-'.padEnd(10)].join(' ');
  return `${names} ${figures.map((figure, i) => figure.padStart(WIDTHS[i] as number)).join(' ')} -`;
}

function toHitLine(columns: readonly string[], profile: number, protein: number): HitLine {
  const line = { profile: columns[profile], protein: columns[protein], figures: columns.slice(4, 4 + FIGURES) };
  if (line.profile === undefined || line.protein === undefined || line.figures.length < FIGURES) {
    throw new SyntaxError(`Illegal line in a table of hits: ${columns.join(' ').slice(0, 200)}`);
  }
  return { ...line, profile: line.profile, protein: line.protein };
}

function eValue({ figures }: HitLine): number {
  return Number(figures[0]);
}

function linesOf(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.trim().split(/\s+/));
}
