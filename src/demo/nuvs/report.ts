/** A profile HMM that an ORF resembles. */
export type ProfileMatch = {
  /** Number of the profile's cluster. */
  cluster: number;
  /** What proteins of the cluster are called. */
  names: string[];
  /** The viruses that its proteins are of. */
  viruses: string[];
  eValue: number;
  score: number;
};

/** An ORF of a contig; start and end are bases of the contig, 1-based and inclusive. */
export type ContigOrf = {
  strand: 1 | -1;
  frame: number;
  start: number;
  end: number;
  residues: number;
  /** The best profiles first. */
  matches: ProfileMatch[];
};

/** A contig that NuVs assembled. */
export type Contig = { index: number; bases: number; orfs: ContigOrf[] };

/** A virus that no reference explains, and the contig that it was found in; null when there is none. */
export type HiddenVirus = {
  name: string;
  /** Bases of its genome. */
  bases: number;
  contig: number | null;
  passed: boolean;
};

/** What NuVs found, and whether it is what the sample hides. */
export type NuvsReport = {
  analysis: { id: string };
  /** The release that the HMM data are of. */
  hmmRelease: string;
  contigs: Contig[];
  hidden: HiddenVirus[];
  passed: boolean;
};
