import type { KnownVirus, SampleTruth } from '../report.js';
import type { Contig, ContigOrf, HiddenVirus, NuvsReport, ProfileMatch } from './report.js';
import type { HmmAnswer, NuvsAnswer } from './schemas.js';
import type { NuvsWalk } from './walk.js';

/** A contig stands for a virus when it holds at least this part of the genome, */
const LEAST_SHARE = 0.9;
/** and is no longer than this much of it. */
const LARGEST_SHARE = 1.1;
/** Weaker matches say nothing. */
const LARGEST_E_VALUE = 1e-10;

/** What NuVs found beside what the sample hides. */
export function toNuvsReport({ analysis, hmms, hmmRelease }: Omit<NuvsWalk, 'times'>, truth: SampleTruth): NuvsReport {
  const contigs = analysis.results.map((contig) => toContig(contig, hmms));
  const hidden = truth.hidden.map((virus) => findVirus(virus, contigs));
  return {
    analysis: { id: analysis.id },
    hmmRelease,
    contigs,
    hidden,
    passed: hidden.every(({ passed }) => passed),
  };
}

type WireContig = NuvsAnswer['results'][number];

function toContig({ index, sequence, orfs }: WireContig, hmms: ReadonlyMap<string, HmmAnswer>): Contig {
  return { index, bases: sequence.length, orfs: orfs.map((orf) => toOrf(orf, hmms)) };
}

function toOrf(orf: WireContig['orfs'][number], hmms: ReadonlyMap<string, HmmAnswer>): ContigOrf {
  const [start, end] = orf.pos;
  return {
    strand: orf.strand,
    frame: orf.frame,
    start: start + 1,
    end,
    residues: orf.pro.length,
    matches: orf.hits.flatMap((hit) => toMatch(hit, hmms.get(hit.hit)) ?? []).sort((a, b) => a.eValue - b.eValue),
  };
}

type WireHit = WireContig['orfs'][number]['hits'][number];

function toMatch({ full_e, full_score }: WireHit, hmm: HmmAnswer | undefined): ProfileMatch | undefined {
  if (!hmm) return undefined;
  const viruses = [...new Set(hmm.entries.map(({ organism }) => organism))];
  return { cluster: hmm.cluster, names: hmm.names, viruses, eValue: full_e, score: full_score };
}

/** The contig that has the length of a virus and an ORF like a protein of it. */
function findVirus({ name, bases }: KnownVirus, contigs: readonly Contig[]): HiddenVirus {
  const contig = contigs.find(
    (candidate) =>
      candidate.bases >= LEAST_SHARE * bases && candidate.bases <= LARGEST_SHARE * bases && resembles(candidate, name),
  );
  return { name, bases, contig: contig?.index ?? null, passed: contig !== undefined };
}

function resembles({ orfs }: Contig, virus: string): boolean {
  return orfs.some(({ matches }) =>
    matches.some(({ eValue, viruses }) => eValue <= LARGEST_E_VALUE && viruses.includes(virus)),
  );
}
