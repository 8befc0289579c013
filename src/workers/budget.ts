import type { Cost, SizeClass } from '../contracts/jobs.js';

/** What a host gives to jobs, and what a job of each size class asks for. */
export type Limits = { host: Cost; large: Cost; small: Cost };

/** A job's hold on the budget. */
export type Lease = { cost: Cost; release(options: { keep: boolean }): void };

type Waiter = { jobId: string; cost: Cost; grant: () => void };
type Held = { cost: Cost; running: number; expiry: NodeJS.Timeout | undefined };

// Long enough for the way to the next step on a busy host; a job that is cancelled on that way holds the others up so long.
const IDLE_LEASE_MS = 3_000;

/**
 * The gate of one host: jobs are admitted in the order of arrival when cores and memory suffice. A cost above the host is
 * clamped, or the job would block the queue for ever. A job keeps its share between its steps, for at most three seconds
 * without a running one, so that no other job starts in its gaps.
 */
export class HostBudget {
  private readonly used: Cost = { proc: 0, mem: 0 };
  private readonly held = new Map<string, Held>();
  private readonly waiting: Waiter[] = [];
  private readonly listeners = new Set<() => void>();

  constructor(
    readonly limits: Limits,
    private readonly idleLeaseMs = IDLE_LEASE_MS,
  ) {}

  /** Whether a new job of this size would be admitted at once. */
  hasRoom(size: SizeClass): boolean {
    return this.waiting.length === 0 && this.fits(this.clamp(this.limits[size]));
  }

  /** Calls back whenever something was released or admitted. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** What is held now; all zero when no job runs. */
  inUse(): Cost & { waiting: number } {
    return { ...this.used, waiting: this.waiting.length };
  }

  /**
   * Waits until the job may use its cost; at once when it still holds it.
   *
   * @throws the signal's reason when it is aborted before.
   */
  acquire(jobId: string, cost: Cost, signal: AbortSignal): Promise<Lease> {
    const held = this.held.get(jobId);
    if (held) return Promise.resolve(this.enter(jobId, held));
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        jobId,
        cost: this.clamp(cost),
        grant: () => {
          signal.removeEventListener('abort', leave);
          resolve(this.enter(jobId, this.take(jobId, waiter.cost)));
        },
      };
      const leave = () => {
        const place = this.waiting.indexOf(waiter);
        if (place >= 0) this.waiting.splice(place, 1);
        reject(signal.reason);
        this.admit();
      };
      if (signal.aborted) return leave();
      signal.addEventListener('abort', leave, { once: true });
      this.waiting.push(waiter);
      this.admit();
    });
  }

  private enter(jobId: string, held: Held): Lease {
    clearTimeout(held.expiry);
    held.running += 1;
    let released = false;
    return {
      cost: held.cost,
      release: ({ keep }) => {
        if (released) return;
        released = true;
        held.running -= 1;
        if (held.running > 0) return;
        if (!keep) return this.drop(jobId);
        held.expiry = setTimeout(() => this.drop(jobId), this.idleLeaseMs);
        held.expiry.unref();
      },
    };
  }

  private take(jobId: string, cost: Cost): Held {
    const held = this.held.get(jobId) ?? { cost, running: 0, expiry: undefined };
    if (!this.held.has(jobId)) {
      this.used.proc += cost.proc;
      this.used.mem += cost.mem;
      this.held.set(jobId, held);
    }
    return held;
  }

  private drop(jobId: string): void {
    const held = this.held.get(jobId);
    if (!held) return;
    clearTimeout(held.expiry);
    this.held.delete(jobId);
    this.used.proc -= held.cost.proc;
    this.used.mem -= held.cost.mem;
    this.admit();
  }

  private admit(): void {
    for (let first = this.waiting[0]; first && this.fits(first.cost); first = this.waiting[0]) {
      this.waiting.shift();
      first.grant();
    }
    for (const listener of [...this.listeners]) listener();
  }

  private fits(cost: Cost): boolean {
    const { host } = this.limits;
    return this.used.proc + cost.proc <= host.proc && this.used.mem + cost.mem <= host.mem;
  }

  private clamp(cost: Cost): Cost {
    const { host } = this.limits;
    return { proc: Math.min(cost.proc, host.proc), mem: Math.min(cost.mem, host.mem) };
  }
}
