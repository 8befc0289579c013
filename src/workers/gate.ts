import type { Context } from '@temporalio/activity';
import type {
  ActivityExecuteInput,
  ActivityInboundCallsInterceptor,
  ActivityInterceptorsFactory,
  Next,
} from '@temporalio/worker';
import { runAdmitted } from '../activities/steps/admission.js';
import type { Cost, StepInput } from '../contracts/jobs.js';
import type { HostBudget, Lease } from './budget.js';
import type { ClassSlots } from './slots.js';

const HEARTBEAT_MS = 1_000;

/** What the gate needs: the host's budget, the queue on which a job goes on, and the slots to tell of admissions. */
export type GateOptions = { budget: HostBudget; hostQueue: string; slots?: ClassSlots };

/**
 * Holds every step back until its job may use the host's cores and memory, hands the granted share to the step, takes it back while the
 * step waits for another job, and answers with the queue of this host.
 */
export function createGate(options: GateOptions): ActivityInterceptorsFactory {
  return (context) => ({ inbound: new Gate(context, options) });
}

class Gate implements ActivityInboundCallsInterceptor {
  constructor(
    private readonly context: Context,
    private readonly options: GateOptions,
  ) {}

  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<string> {
    const step = input.args[0] as StepInput;
    let lease = await this.admit(step.jobId, step.cost).finally(() => this.options.slots?.admitted());
    const outside = async <T>(wait: () => Promise<T>): Promise<T> => {
      lease.release({ keep: false });
      const result = await wait();
      lease = await this.admit(step.jobId, step.cost);
      return result;
    };
    let keep = false;
    try {
      const granted = { ...input, args: [{ ...step, granted: lease.cost }] };
      await runAdmitted({ outside }, () => next(granted));
      keep = !step.last;
      return this.options.hostQueue;
    } finally {
      lease.release({ keep });
    }
  }

  private async admit(jobId: string, cost: Cost): Promise<Lease> {
    const { budget } = this.options;
    // With the last attempt's details: others would destroy its resume point.
    const beat = setInterval(() => this.context.heartbeat(this.context.info.heartbeatDetails), HEARTBEAT_MS);
    try {
      return await budget.acquire(jobId, cost, this.context.cancellationSignal);
    } finally {
      clearInterval(beat);
    }
  }
}
