import { type ProfileHit, profileName, proteinName } from './hmmer.js';
import { findOrfs, type Orf } from './orfs.js';

/** A contig with its ORFs, before the search for profiles. */
export type OrfContig = { index: number; sequence: string; orfs: (Orf & { index: number })[] };

/** A contig as it is stored, with the profiles that were found in its ORFs. */
export type HitContig = {
  index: number;
  sequence: string;
  orfs: (Orf & { index: number; hits: (Omit<ProfileHit, 'cluster' | 'contig' | 'orf'> & { hit: string })[] })[];
};

/** The contig at a position of the results; undefined when it has no ORF, as then it has no place there. */
export function orfContig(index: number, sequence: string): OrfContig | undefined {
  const orfs = findOrfs(sequence);
  if (orfs.length === 0) return undefined;
  return { index, sequence, orfs: orfs.map((orf, number) => ({ ...orf, index: number })) };
}

/** The ORFs of a contig as FASTA text, as the search takes them. */
export function proteinFasta({ index, orfs }: OrfContig): string {
  return orfs.map((orf) => `>${proteinName(index, orf.index)}\n${orf.pro}\n`).join('');
}

/**
 * Contigs with their hits, under the ids that `ids` has for clusters. They all stay, those without any too, so that `index` is the
 * position in the list.
 */
export function addHits(
  contigs: readonly OrfContig[],
  hits: readonly ProfileHit[],
  ids: ReadonlyMap<number, string>,
): HitContig[] {
  const byOrf = new Map<string, ProfileHit[]>();
  for (const hit of hits) {
    const key = `${hit.contig}.${hit.orf}`;
    byOrf.set(key, [...(byOrf.get(key) ?? []), hit]);
  }
  return contigs.map(({ orfs, ...contig }) => ({
    ...contig,
    orfs: orfs.map(({ pro, frame, strand, pos, index }) => ({
      ...{ pro, frame, strand, pos, index },
      hits: (byOrf.get(`${contig.index}.${index}`) ?? []).map(({ cluster, contig: _, orf: __, ...figures }) => ({
        // A profile that no HMM describes is still a hit; it has nothing but the name of its profile.
        hit: ids.get(cluster) ?? profileName(cluster),
        ...figures,
      })),
    })),
  }));
}
