import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { WorkflowControl } from '../activities/deps.js';
import { toStartOptions } from '../contracts/start_options.js';

/** The reconciler's view of Temporal, through a client of this namespace. */
export function createWorkflowControl(client: Client): WorkflowControl {
  return {
    async running() {
      const ids = new Set<string>();
      for await (const workflow of client.workflow.list({ query: "ExecutionStatus = 'Running'" }))
        ids.add(workflow.workflowId);
      return ids;
    },

    async state(workflowId) {
      try {
        const { status } = await client.workflow.getHandle(workflowId).describe();
        return status.name === 'RUNNING' ? 'running' : 'closed';
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return 'unknown';
        throw error;
      }
    },

    async start(start) {
      await client.workflow.start(start.workflowType, toStartOptions(start));
    },

    async cancel(workflowId) {
      try {
        await client.workflow.getHandle(workflowId).cancel();
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
    },
  };
}
