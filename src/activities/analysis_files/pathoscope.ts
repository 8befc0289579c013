/** Files that the mapping steps leave in the analysis' folder. A mapping is there twice: as lines for people, as records for the next step. */
export const MAPPING_FILES = {
  candidates: 'default_isolates.json',
  isolateFasta: 'isolate_index.fa',
  isolates: 'isolates.json',
  vta: 'to_isolates.vta',
  records: 'to_isolates.records',
  summary: 'to_isolates.json',
  readNames: 'read_names.txt',
  mapped: 'mapped.fastq',
  hostScores: 'host_scores.numbers',
  leftVta: 'subtracted.vta',
  leftRecords: 'subtracted.records',
  leftSummary: 'subtracted.json',
  subtraction: 'subtraction.json',
} as const;

/** One of {@link MAPPING_FILES}. */
export type MappingFile = keyof typeof MAPPING_FILES;

/**
 * Those that only the steps of one job need. The mapping and the scores against the host stay: a repetition of the analysis may take them over.
 */
export const PASSING_FILES: readonly MappingFile[] = [
  'mapped',
  'isolateFasta',
  'readNames',
  'leftRecords',
  'leftSummary',
];
