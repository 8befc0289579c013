import type { Cost } from './jobs.js';

/** Processes: long work on references and HMMs, shown to users as documents of the collection `processes`. */
export const PROCESS_TYPES = {
  import_reference: ['load_file', 'set_metadata', 'validate', 'import_otus', 'create_history'],
  clone_reference: ['copy_otus', 'create_history'],
  delete_reference: ['delete_indexes', 'remove_indexes', 'remove_unreferenced_otus', 'remove_referenced_otus'],
  remote_reference: ['download', 'unpack', 'import', 'create_history'],
  update_remote_reference: [
    'download',
    'download_and_extract',
    'update_otus',
    'create_history',
    'remove_otus',
    'update_reference',
  ],
  install_hmms: ['download', 'unpack', 'install_profiles', 'import_annotations'],
} as const;

/** Type of a process, which is also its workflow type. */
export type ProcessType = keyof typeof PROCESS_TYPES;

/** Whether a text names a process that this server runs. */
export function isProcessType(text: string): text is ProcessType {
  return Object.hasOwn(PROCESS_TYPES, text);
}

/** Input of a process workflow. */
export type ProcessInput = { processId: string };

/** Workflow id of a process. */
export function processWorkflowId(processId: string): string {
  return `process-${processId}`;
}

/** Input of what ends a failed process. */
export type UndoInput = ProcessInput & { errors: ProcessError[] };

/** Activities of `import_reference`, run on `control`. */
export type ImportReferenceActivities = {
  /** Reads, checks and imports the whole file; resumable, so a second run goes on where the first one stopped. */
  importReference(input: ProcessInput): Promise<void>;
  /** Removes the reference and all that the import wrote; the process stays, failed with these errors. */
  undoImportReference(input: UndoInput): Promise<void>;
};

/** Activities of `clone_reference`, run on `control`. */
export type CloneReferenceActivities = {
  /** Copies the OTUs as they were when the clone was asked for; resumable. */
  cloneReference(input: ProcessInput): Promise<void>;
  /** Removes the clone; the process stays, failed with these errors. */
  undoCloneReference(input: UndoInput): Promise<void>;
};

/** Activities of `remote_reference`, run on `control`. */
export type RemoteReferenceActivities = {
  /** Downloads the file of the release; false when the process has ended and nothing is to be done. */
  downloadReference(input: ProcessInput): Promise<boolean>;
  /** Checks and imports the whole file and notes it as installed; resumable. */
  installReference(input: ProcessInput): Promise<void>;
  /** Removes the reference and all that was installed; the process stays, failed with these errors. */
  undoInstallReference(input: UndoInput): Promise<void>;
};

/** Activities of `update_remote_reference`, run on `control`. */
export type UpdateRemoteReferenceActivities = {
  /** Downloads the file of the release; false when the process has ended and nothing is to be done. */
  downloadUpdate(input: ProcessInput): Promise<boolean>;
  /** Makes the reference a mirror of the release and notes it as installed; resumable. */
  updateReference(input: ProcessInput): Promise<void>;
  /** Takes back every change of the update: the reference is as before, and the process has failed with these errors. */
  undoUpdateReference(input: UndoInput): Promise<void>;
};

/** Activities of `delete_reference`, run on `control`. */
export type DeleteReferenceActivities = {
  /** Whether an index build or an analysis still works with the reference's files. */
  isReferenceInUse(input: ProcessInput): Promise<boolean>;
  /** Removes what is left of a deleted reference: indexes with their files, OTUs, and history that no analysis needs. */
  deleteReference(input: ProcessInput): Promise<void>;
  /** Notes that the removal failed; what is left can be removed by an operator. */
  failDeleteReference(input: UndoInput): Promise<void>;
};

/** Input of the step that unpacks HMM data: it runs a tool, so the gate admits it like a job's step. */
export type UnpackHmmsInput = ProcessInput & { jobId: string; cost: Cost; last: true };

/** Activities of `install_hmms`, run on `control`. */
export type InstallHmmsActivities = {
  /** Downloads the archive; false when the process has ended and nothing is to be done. */
  downloadHmms(input: ProcessInput): Promise<boolean>;
  /** Imports the annotations and makes the installation the current one. */
  importHmms(input: ProcessInput): Promise<void>;
  /** Removes what the installation has written; the former one stays, the process has failed with these errors. */
  undoInstallHmms(input: UndoInput): Promise<void>;
};

/** The step of `install_hmms` that runs where the tools are. */
export type InstallHmmsTools = {
  /** Unpacks, checks and presses the profiles; they appear whole as an installation that nothing uses yet. */
  unpackHmms(input: UnpackHmmsInput): Promise<void>;
};

/** An entry of a process document's `errors`. */
export type ProcessError = { id: string; message: string; duplicates?: unknown; issues?: unknown };
