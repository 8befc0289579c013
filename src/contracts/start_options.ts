import type { WorkflowOptions } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { WorkflowStart } from './workflow_starts.js';

type StartOptions = WorkflowOptions & { args: unknown[] };

/** A start in the form of `client.workflow.start`: twice is harmless, the second one finds the first run. */
export function toStartOptions(start: WorkflowStart): StartOptions {
  return {
    workflowId: start.workflowId,
    taskQueue: start.taskQueue,
    args: start.args,
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
    typedSearchAttributes: Object.entries(start.attributes).map(([name, value]) => ({
      key: defineSearchAttributeKey(name, SearchAttributeType.KEYWORD),
      value,
    })),
    staticSummary: start.summary,
    staticDetails: start.details,
    priority: { priorityKey: 3, fairnessKey: start.fairnessKey },
  };
}
