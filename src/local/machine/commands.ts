import { execFile } from 'node:child_process';

/** How a short helper command ended. `code` is null when it could not start or ran into its limit. */
export type CommandResult = { code: number | null; stdout: string; stderr: string };

/** Runs a short helper command to its end, without a shell. It is killed after `limitMs`. Never throws. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: { limitMs: number; cwd?: string; env?: NodeJS.ProcessEnv },
): Promise<CommandResult> {
  return new Promise((resolve) => {
    execFile(
      command,
      args,
      {
        timeout: options.limitMs,
        killSignal: 'SIGKILL',
        maxBuffer: 64 * 1024 * 1024,
        env: options.env ?? process.env,
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        const killed = error?.killed === true ? `\nended after ${options.limitMs / 1000} s` : '';
        resolve({ code, stdout, stderr: `${stderr}${code === null && !killed ? `\n${error?.message}` : killed}` });
      },
    );
  });
}

/** The last lines of a tool's output that say something, joined into one line. */
export function lastLines(text: string, count = 1): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(-count)
    .join(' / ');
}
