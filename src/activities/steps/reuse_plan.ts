import { NUVS_FILES } from '../analysis_files/nuvs.js';
import { MAPPING_FILES } from '../analysis_files/pathoscope.js';

/** What a step reads that lies outside the analysis' folder: trimmed reads, bowtie2 indexes, HMM profiles. */
export type SharedInput = 'trimmed reads' | 'reference index' | 'subtraction index' | 'HMM profiles';

/** A file that a step leaves in the analysis' folder. */
export type PlannedOutput = {
  name: string;
  /** The steps that read it, for a file that does not outlive the job: when they are reused too, nobody needs it. */
  readBy?: readonly string[];
  /** Not hashed, as it follows from what the step worked on. Only for files that do not outlive the job. */
  isDerived?: boolean;
};

/** What decides about the result of a step, and which files are its result. The number of threads never decides. */
export type PlannedStep = {
  shared?: readonly SharedInput[];
  /** Files that earlier steps left in the analysis' folder. */
  files?: readonly string[];
  programs: readonly string[];
  /** Whether the kind of the library (normal or small RNA) decides how the programs are called. */
  byLibrary?: boolean;
  /** Whether the offset of the Phred qualities decides how the programs read them. */
  byQualities?: boolean;
  /** To be raised when the server itself makes something else of the same input; 1 unless given. */
  revision?: number;
  outputs: readonly PlannedOutput[];
};

const ISOLATE_INDEX = ['1', '2', '3', '4', 'rev.1', 'rev.2'].map((part) => `isolates.${part}.bt2`);

const PATHOSCOPE: Record<string, PlannedStep> = {
  map_default_isolates: {
    shared: ['trimmed reads', 'reference index'],
    programs: ['bowtie2'],
    byQualities: true,
    outputs: [{ name: 'default_isolates.json' }],
  },
  build_isolate_index: {
    files: ['isolate_index.fa'],
    programs: ['bowtie2-build'],
    outputs: ISOLATE_INDEX.map((name) => ({ name, readBy: ['map_isolates'], isDerived: true })),
  },
  map_isolates: {
    shared: ['trimmed reads'],
    files: ['isolate_index.fa'],
    programs: ['bowtie2-build', 'bowtie2'],
    byQualities: true,
    revision: 3,
    outputs: [
      { name: MAPPING_FILES.vta },
      { name: MAPPING_FILES.records },
      { name: MAPPING_FILES.summary },
      { name: MAPPING_FILES.mapped, readBy: ['map_subtraction'], isDerived: true },
      { name: MAPPING_FILES.readNames, readBy: ['map_subtraction'], isDerived: true },
    ],
  },
  map_subtraction: {
    shared: ['subtraction index'],
    files: [MAPPING_FILES.mapped, MAPPING_FILES.readNames],
    programs: ['bowtie2'],
    byQualities: true,
    revision: 2,
    outputs: [{ name: MAPPING_FILES.hostScores }],
  },
};

const [FIRST_MATES, SECOND_MATES] = NUVS_FILES.mates;

const NUVS: Record<string, PlannedStep> = {
  eliminate_otus: {
    shared: ['trimmed reads', 'reference index'],
    programs: ['bowtie2'],
    byQualities: true,
    outputs: [{ name: NUVS_FILES.unmappedOtus, readBy: ['eliminate_subtraction'], isDerived: true }],
  },
  eliminate_subtraction: {
    shared: ['subtraction index'],
    files: [NUVS_FILES.unmappedOtus],
    programs: ['bowtie2'],
    byQualities: true,
    // Hashed: a newer reference often leaves the same reads, and then the assembly stays the same.
    outputs: [{ name: NUVS_FILES.unmappedHosts, readBy: ['reunite_pairs', 'assemble'] }],
  },
  reunite_pairs: {
    shared: ['trimmed reads'],
    files: [NUVS_FILES.unmappedHosts],
    programs: [],
    revision: 2,
    outputs: [FIRST_MATES, SECOND_MATES].map((name) => ({ name, readBy: ['assemble'], isDerived: true })),
  },
  assemble: {
    files: [NUVS_FILES.unmappedHosts, FIRST_MATES, SECOND_MATES],
    programs: ['spades.py'],
    byLibrary: true,
    byQualities: true,
    revision: 2,
    outputs: [{ name: NUVS_FILES.assembly }],
  },
  vfam: {
    shared: ['HMM profiles'],
    files: [NUVS_FILES.proteins],
    programs: ['hmmpress', 'hmmsearch', 'hmmscan'],
    outputs: [{ name: NUVS_FILES.hits }],
  },
};

const PLANS: Record<string, Record<string, PlannedStep>> = { pathoscope_bowtie: PATHOSCOPE, nuvs: NUVS };

/** The steps of a task whose results a rerun may take over, by name. The others take no time worth it. */
export function reusableSteps(task: string): Record<string, PlannedStep> {
  return PLANS[task] ?? {};
}
