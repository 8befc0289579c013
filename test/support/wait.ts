import { setTimeout as delay } from 'node:timers/promises';

/** Waits until `condition` gives something true and returns it; throws after the limit. */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  what: string,
  limitMs = 15_000,
): Promise<NonNullable<T>> {
  const end = Date.now() + limitMs;
  for (;;) {
    const value = await condition();
    if (value) return value as NonNullable<T>;
    if (Date.now() > end) throw new Error(`Waited ${limitMs / 1000} s in vain: ${what}`);
    await delay(25);
  }
}
