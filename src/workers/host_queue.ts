import { createHash } from 'node:crypto';
import { hostname } from 'node:os';

/** The queue of this host and data directory; the same after a restart, so that its jobs go on here. */
export function hostQueueName(dataRoot: string): string {
  const hash = createHash('sha256').update(dataRoot).digest('hex').slice(0, 8);
  return `tools-${hostname()}-${hash}`;
}
