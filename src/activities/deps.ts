import type { Logger } from 'pino';
import type { WorkflowStart } from '../contracts/workflow_starts.js';
import type { DataDirectory } from '../files/data_directory.js';
import type { Store } from '../store/index.js';

/** All that activities are built from. */
export type ActivityDeps = {
  store: Store;
  data: DataDirectory;
  log: Logger;
  /** Version of the server, for the provenance of results; absent in tools that have none. */
  version?: string;
};

/** What the reconciler knows of a workflow. `unknown` means that Temporal has never heard of it, or has forgotten it. */
export type WorkflowState = 'running' | 'closed' | 'unknown';

/** The reconciler's view of Temporal. */
export type WorkflowControl = {
  /** Ids of all running workflows. */
  running(): Promise<Set<string>>;
  state(workflowId: string): Promise<WorkflowState>;
  start(start: WorkflowStart): Promise<void>;
  cancel(workflowId: string): Promise<void>;
};
