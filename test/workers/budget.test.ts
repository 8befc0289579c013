import { describe, expect, test, vi } from 'vitest';
import { HostBudget, type Limits } from '../../src/workers/budget.js';

const limits: Limits = { host: { proc: 4, mem: 8 }, large: { proc: 4, mem: 8 }, small: { proc: 2, mem: 4 } };
const small = { proc: 2, mem: 4 };
const never = () => new AbortController().signal;

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  await new Promise((resolve) => setImmediate(resolve));
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}

describe('the gate of a host', () => {
  test('admits jobs until cores or memory are used up, and the next one when something is free again', async () => {
    const budget = new HostBudget(limits);
    const first = await budget.acquire('a', small, never());
    await budget.acquire('b', small, never());
    const third = budget.acquire('c', small, never());
    expect(await isSettled(third)).toBe(false);
    expect(budget.inUse()).toEqual({ proc: 4, mem: 8, waiting: 1 });
    first.release({ keep: false });
    await third;
    expect(budget.inUse()).toEqual({ proc: 4, mem: 8, waiting: 0 });
  });

  // A stream of small jobs must not pass a large one that waits.
  test('admits in the order of arrival, whatever fits behind', async () => {
    const budget = new HostBudget(limits);
    const first = await budget.acquire('a', small, never());
    const large = budget.acquire('large', limits.large, never());
    const late = budget.acquire('late', small, never());
    expect(await isSettled(late)).toBe(false);
    first.release({ keep: false });
    (await large).release({ keep: false });
    await late;
  });

  test('gives a job that asks for more than the host has the whole host', async () => {
    const budget = new HostBudget(limits);
    const lease = await budget.acquire('a', { proc: 64, mem: 512 }, never());
    expect(lease.cost).toEqual({ proc: 4, mem: 8 });
  });

  test('lets a waiting job leave on cancel and admits the one behind it', async () => {
    const budget = new HostBudget(limits);
    await budget.acquire('a', small, never());
    const cancel = new AbortController();
    const large = budget.acquire('large', limits.large, cancel.signal);
    const behind = budget.acquire('b', small, never());
    const reason = new Error('cancelled');
    cancel.abort(reason);
    await expect(large).rejects.toBe(reason);
    await behind;
    expect(budget.inUse().waiting).toBe(0);
  });

  // Another job that started in the gap between two steps would make a running job wait again.
  test('keeps the share of a job between its steps, and gives it up when no step follows', async () => {
    vi.useFakeTimers();
    try {
      const budget = new HostBudget(limits, 1_000);
      const first = await budget.acquire('a', limits.large, never());
      first.release({ keep: true });
      const other = budget.acquire('b', small, never());
      const next = await budget.acquire('a', limits.large, never());
      expect(budget.inUse()).toEqual({ proc: 4, mem: 8, waiting: 1 });
      next.release({ keep: true });
      vi.advanceTimersByTime(999);
      expect(budget.inUse().waiting).toBe(1);
      vi.advanceTimersByTime(2);
      await other;
      expect(budget.inUse()).toEqual({ proc: 2, mem: 4, waiting: 0 });
    } finally {
      vi.useRealTimers();
    }
  });

  test('is empty after any mix of jobs, and never above its limits', async () => {
    const budget = new HostBudget(limits);
    let highest = 0;
    budget.onChange(() => {
      highest = Math.max(highest, budget.inUse().proc);
    });
    const jobs = Array.from({ length: 200 }, async (_, index) => {
      const cost = index % 5 === 0 ? limits.large : small;
      const lease = await budget.acquire(`job-${index}`, cost, never());
      await new Promise((resolve) => setImmediate(resolve));
      lease.release({ keep: false });
    });
    await Promise.all(jobs);
    expect(highest).toBe(4);
    expect(budget.inUse()).toEqual({ proc: 0, mem: 0, waiting: 0 });
  });
});
