import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Stored } from './database.js';
import { isDuplicate } from './ids.js';

/** Who has a lease. Of two with the same `machine` the former one is known to be dead. */
export type LeaseHolder = { id: string; machine: string; host: string; pid: number };

/** A lease that is kept up until it is released. */
export type Lease = {
  /** Aborted when another one has it. */
  lost: AbortSignal;
  release(): Promise<void>;
};

/** How often a holder shows that it lives, and after how long without a sign it counts as dead. */
export type LeasePace = { beatMs: number; deadMs: number };

type LeaseDocument = Stored & { holder: LeaseHolder; beat: number };

const PACE: LeasePace = { beatMs: 5_000, deadMs: 40_000 };

/**
 * Takes what only one process of all hosts may have. Waits for a holder that is about to end, or shows no sign of life; no clocks of two
 * machines are compared.
 *
 * Gives the lease, or the holder that lives.
 *
 * @throws the signal's reason when it is aborted.
 */
export async function takeLease(
  database: Database,
  name: string,
  holder: LeaseHolder,
  signal: AbortSignal,
  pace: LeasePace = PACE,
): Promise<{ lease: Lease } | { holder: LeaseHolder }> {
  const leases = database.collection<LeaseDocument>('locks');
  const _id = `lease ${name}`;
  let seen: LeaseDocument | undefined;
  let since = performance.now();
  let beats = 0;
  for (;;) {
    signal.throwIfAborted();
    const current = await leases.findOne({ _id });
    const isSame = current && seen && current.beat === seen.beat && current.holder.id === seen.holder.id;
    if (!isSame) {
      if (current && seen) beats += 1;
      since = performance.now();
    }
    const isDead = current?.holder.machine === holder.machine || performance.now() - since > pace.deadMs;
    if (await take(current, isDead)) return { lease: keepUp(database, _id, holder, pace) };
    // Several signs of life: it is not about to end.
    if (current && beats > 2) return { holder: current.holder };
    seen = current ?? undefined;
    await sleep(pace.beatMs / 5, undefined, { signal });
  }

  async function take(current: LeaseDocument | null, isDead: boolean): Promise<boolean> {
    if (!current) {
      try {
        await leases.insertOne({ _id, holder, beat: 0 });
        return true;
      } catch (error) {
        if (!isDuplicate(error)) throw error;
        return false;
      }
    }
    if (!isDead) return false;
    const unchanged = { _id, 'holder.id': current.holder.id, beat: current.beat };
    return (await leases.updateOne(unchanged, { $set: { holder, beat: 0 } })).matchedCount === 1;
  }
}

/** Who has a lease and shows signs of life; undefined when nobody does within twice the pace. Writes nothing. */
export async function findLeaseHolder(
  database: Database,
  name: string,
  signal: AbortSignal,
  pace: LeasePace = PACE,
): Promise<LeaseHolder | undefined> {
  const leases = database.collection<LeaseDocument>('locks');
  const find = () => leases.findOne({ _id: `lease ${name}` });
  const seen = await find();
  if (!seen) return undefined;
  for (let looks = 0; looks < 10; looks += 1) {
    await sleep(pace.beatMs / 5, undefined, { signal });
    const current = await find();
    if (!current) return undefined;
    if (current.beat !== seen.beat || current.holder.id !== seen.holder.id) return current.holder;
  }
  return undefined;
}

function keepUp(database: Database, _id: string, holder: LeaseHolder, pace: LeasePace): Lease {
  const leases = database.collection<LeaseDocument>('locks');
  const own = { _id, 'holder.id': holder.id };
  const lost = new AbortController();
  const ended = new AbortController();
  const beat = async () => {
    while (!ended.signal.aborted) {
      await sleep(pace.beatMs, undefined, { signal: ended.signal });
      // While the database is away nobody else can take the lease.
      const result = await leases.updateOne(own, { $inc: { beat: 1 } }).catch(() => undefined);
      if (result?.matchedCount === 0) return lost.abort(new Error(`Another process has taken the ${_id}`));
    }
  };
  const beating = beat().catch(() => undefined);
  return {
    lost: lost.signal,
    async release() {
      ended.abort();
      await beating;
      await leases.deleteOne(own);
    },
  };
}
