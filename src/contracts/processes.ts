/** Processes: long work on references, shown to users as documents of the collection `processes`. */
export const PROCESS_TYPES = {
  import_reference: ['load_file', 'set_metadata', 'validate', 'import_otus', 'create_history'],
} as const;

/** Type of a process, which is also its workflow type. */
export type ProcessType = keyof typeof PROCESS_TYPES;

/** Input of a process workflow. */
export type ProcessInput = { processId: string };

/** Workflow id of a process. */
export function processWorkflowId(processId: string): string {
  return `process-${processId}`;
}

/** Activities of `import_reference`, run on `control`. */
export type ImportReferenceActivities = {
  /** Reads, checks and imports the whole file; resumable, so a second run goes on where the first one stopped. */
  importReference(input: ProcessInput): Promise<void>;
  /** Removes all that the import wrote and marks the process as failed with these errors. */
  undoImportReference(input: ProcessInput & { errors: ProcessError[] }): Promise<void>;
};

/** An entry of a process document's `errors`. */
export type ProcessError = { id: string; message: string; duplicates?: unknown; issues?: unknown };
