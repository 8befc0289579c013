import type { Config } from '../config.js';
import type { RemoteServices } from '../contracts/remote.js';
import type { WorkflowStart } from '../contracts/workflow_starts.js';
import type { DataDirectory } from '../files/data_directory.js';
import type { Logger } from '../log.js';
import type { Store } from '../store/index.js';

/** What the API does with Temporal; each call has a deadline of about a second. */
export type Workflows = {
  /** Starts a workflow; started already is success. Unreachable is success too: the reconciler starts it within a minute. */
  start(start: WorkflowStart): Promise<void>;
  /** Asks a workflow to cancel; gone or closed is success. Unreachable is success too: the reconciler repeats it. */
  cancel(workflowId: string): Promise<void>;
  /** Whether Temporal answers. */
  isReachable(): Promise<boolean>;
};

/** All that the API is built from. */
export type ApiDeps = {
  config: Config;
  store: Store;
  files: DataDirectory;
  workflows: Workflows;
  /** Services outside, for requests that ask them now. */
  remote: RemoteServices;
  log: Logger;
  version: string;
};
