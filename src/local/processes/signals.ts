const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
// A terminal, npm and a parent may each pass on the same Ctrl-C.
const SAME_PRESS_MS = 500;
const LAST_WORDS_MS = 5_000;

/** Something with an orderly and a hard end. */
export type Stoppable = { stop(): Promise<void>; kill(): void };

/**
 * Waits for SIGINT, SIGTERM or SIGHUP, then stops in order and returns the exit code (0). A second signal
 * kills everything at once and ends this process with 130.
 */
export async function stopOnSignal(stack: Stoppable, onFirst: (signal: NodeJS.Signals) => void): Promise<number> {
  let since: number | undefined;
  let listener: (signal: NodeJS.Signals) => void = () => undefined;
  await new Promise<void>((resolve) => {
    listener = (signal) => {
      if (since === undefined) {
        since = Date.now();
        onFirst(signal);
        resolve();
      } else if (Date.now() - since > SAME_PRESS_MS) {
        stack.kill();
        process.exit(130);
      }
    };
    for (const signal of SIGNALS) process.on(signal, listener);
  });
  try {
    await stack.stop();
    // Whatever is still open must not keep a process that has nothing left to do.
    setTimeout(() => process.exit(), LAST_WORDS_MS).unref();
    return 0;
  } finally {
    for (const signal of SIGNALS) process.off(signal, listener);
  }
}
