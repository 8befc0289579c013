/** Where a table of alignments lies: its records, and what is known of all of them together. */
export type TablePaths = { records: string; summary: string };

/** What the core can be asked to do. Paths that are written are partial names: the caller publishes them. */
export type CoreTask =
  | { task: 'find_candidates' }
  | { task: 'map_isolates'; vta: string; table: TablePaths; readNames: string }
  | { task: 'map_host'; readNames: string; hostScores: string }
  | { task: 'subtract'; vta: string; table: TablePaths; hostScores: string; left: TablePaths; leftVta: string }
  | {
      task: 'reassign';
      vta: string;
      table: TablePaths;
      isolates: string;
      reassigned: string;
      report: string;
      results: string;
    };

/** What comes back, by task; everything large lies in the files. */
export type CoreResults = {
  /** Names of the references with an accepted alignment, sorted. */
  find_candidates: string[];
  map_isolates: { lineCount: number };
  map_host: undefined;
  subtract: { subtractedCount: number };
  reassign: undefined;
};

/** What a thread begins with; `input` is the descriptor of an aligner's output, for the tasks that take one. */
export type ThreadData = { task: CoreTask; input: number | undefined };
