import type {
  ActivitySlotInfo,
  CustomSlotSupplier,
  SlotMarkUsedContext,
  SlotPermit,
  SlotReleaseContext,
  SlotReserveContext,
} from '@temporalio/worker';
import type { SizeClass } from '../contracts/jobs.js';
import type { HostBudget } from './budget.js';

const PATIENCE_MS = 3_000;

/** A permit: polling, or delivered and still before the gate. */
type Permit = SlotPermit & { delivered?: boolean };

/**
 * Slots of one size class. It decides only whether polling is worth while: when the host has room, or after a while
 * without any task of this class, so that a stream of small jobs cannot starve a large one. The gate decides the rest.
 */
export class ClassSlots implements CustomSlotSupplier<ActivitySlotInfo> {
  readonly type = 'custom' as const;
  private readonly open = new Set<Permit>();
  private pending: { grant: () => void } | undefined;
  private patience: NodeJS.Timeout | undefined;

  constructor(
    private readonly size: SizeClass,
    private readonly budget: HostBudget,
    private readonly patienceMs = PATIENCE_MS,
  ) {
    budget.onChange(() => this.wake());
  }

  reserveSlot(_context: SlotReserveContext, abort: AbortSignal): Promise<SlotPermit> {
    return new Promise((resolve, reject) => {
      const request = {
        grant: () => {
          abort.removeEventListener('abort', leave);
          const permit: Permit = {};
          this.open.add(permit);
          resolve(permit);
        },
      };
      // The reason itself: anything else would be logged as an error.
      const leave = () => {
        if (this.pending === request) this.pending = undefined;
        reject(abort.reason);
      };
      abort.addEventListener('abort', leave, { once: true });
      this.pending = request;
      this.wake();
    });
  }

  tryReserveSlot(): null {
    return null;
  }

  markSlotUsed({ permit }: SlotMarkUsedContext<ActivitySlotInfo>): void {
    (permit as Permit).delivered = true;
  }

  releaseSlot({ permit }: SlotReleaseContext<ActivitySlotInfo>): void {
    this.open.delete(permit as Permit);
    this.wake();
  }

  /** Tells that one delivered task has passed the gate, or left it. */
  admitted(): void {
    for (const permit of this.open) {
      if (!permit.delivered) continue;
      this.open.delete(permit);
      break;
    }
    this.wake();
  }

  private wake(): void {
    if (!this.pending || this.open.size > 0) return;
    if (this.budget.hasRoom(this.size)) {
      this.grant();
      return;
    }
    this.patience ??= setTimeout(() => {
      this.patience = undefined;
      if (this.pending && this.open.size === 0) this.grant();
    }, this.patienceMs);
    this.patience.unref();
  }

  private grant(): void {
    clearTimeout(this.patience);
    this.patience = undefined;
    const request = this.pending;
    this.pending = undefined;
    request?.grant();
  }
}
