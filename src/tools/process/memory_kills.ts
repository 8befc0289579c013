import { readFileSync } from 'node:fs';

/**
 * Whether the kernel has killed a process for want of memory since the call: one of our own control group where the kernel counts these
 * (version 2), else one of the machine. Undefined where it does not tell.
 */
export function watchMemoryKills(root = ''): () => boolean | undefined {
  const before = memoryKills(root);
  return () => {
    const after = memoryKills(root);
    return before === undefined || after === undefined ? undefined : after > before;
  };
}

function memoryKills(root: string): number | undefined {
  const group = /^0::(.*)$/m.exec(read(`${root}/proc/self/cgroup`))?.[1];
  const events = group === undefined ? '' : read(`${root}/sys/fs/cgroup${group}/memory.events`);
  const count = /^oom_kill (\d+)$/m.exec(events) ?? /^oom_kill (\d+)$/m.exec(read(`${root}/proc/vmstat`));
  return count ? Number(count[1]) : undefined;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
