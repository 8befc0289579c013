import type { Context } from '@temporalio/activity';
import type {
  ActivityExecuteInput,
  ActivityInboundCallsInterceptor,
  ActivityInterceptorsFactory,
  Next,
} from '@temporalio/worker';
import { runAdmitted } from '../activities/steps/admission.js';
import type { Cost, StepInput, StepsInput } from '../contracts/jobs.js';
import type { HostBudget, Lease } from './budget.js';
import { type ContactOptions, watchContact } from './contact.js';
import type { ClassSlots } from './slots.js';

const HEARTBEAT_MS = 1_000;

/** What the gate needs: the host's budget, the queue on which a job goes on, and the slots to tell of admissions. */
export type GateOptions = { budget: HostBudget; hostQueue: string; contact?: ContactOptions; slots?: ClassSlots };

/**
 * Holds every step back until its job may use the host's cores and memory, hands the granted share to the step, takes it back while the
 * step waits for another job, and answers with the queue of this host. A step that the host has lost is ended.
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
    const { contact, hostQueue } = this.options;
    const watch = contact && watchContact(contact, this.context.info.taskToken);
    try {
      await this.run(input, next, watch?.lost ?? new AbortController().signal);
      return hostQueue;
    } finally {
      watch?.stop();
    }
  }

  private async run(
    input: ActivityExecuteInput,
    next: Next<ActivityInboundCallsInterceptor, 'execute'>,
    lost: AbortSignal,
  ): Promise<void> {
    const step = input.args[0] as StepInput | StepsInput;
    const signal = AbortSignal.any([this.context.cancellationSignal, lost]);
    const admit = () => this.admit(step.jobId, step.cost, signal);
    let lease = await admit().finally(() => this.options.slots?.admitted());
    const outside = async <T>(wait: () => Promise<T>): Promise<T> => {
      lease.release({ keep: false });
      const result = await wait();
      lease = await admit();
      return result;
    };
    let keep = false;
    try {
      const granted = { ...input, args: [{ ...step, granted: lease.cost }] };
      await runAdmitted({ outside, lost }, () => next(granted));
      keep = !step.last;
    } finally {
      lease.release({ keep });
    }
  }

  private async admit(jobId: string, cost: Cost, signal: AbortSignal): Promise<Lease> {
    // With the last attempt's details: others would destroy its resume point.
    const beat = setInterval(() => this.context.heartbeat(this.context.info.heartbeatDetails), HEARTBEAT_MS);
    try {
      return await this.options.budget.acquire(jobId, cost, signal);
    } finally {
      clearInterval(beat);
    }
  }
}
