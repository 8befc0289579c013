import { appendFile } from 'node:fs/promises';
import type { DataDirectory } from './data_directory.js';

const FLUSH_LINES = 15;
const INDENT = '    ';

/** The log of one job: plain text for users, appended by each step. Server paths are shown as `<data>/...`. */
export type JobLog = {
  /** A step begins. */
  stage(name: string): void;
  /** A program is called: its arguments joined by blanks. */
  command(command: string): void;
  /** A line of a program's or the server's own text. */
  line(text: string, indent?: number): void;
  /** Writes what is buffered. */
  flush(): Promise<void>;
};

/** Opens the log of a job for appending. */
export function openJobLog(data: DataDirectory, jobId: string, now: () => Date = () => new Date()): JobLog {
  const path = data.jobLog(jobId);
  let buffer: string[] = [];
  let writing: Promise<void> = Promise.resolve();

  const flush = (): Promise<void> => {
    const text = buffer.join('');
    buffer = [];
    if (text) writing = writing.then(() => appendFile(path, text));
    return writing;
  };
  const line = (text: string, indent = 1): void => {
    const shown = text.replaceAll(data.root, '<data>').trimEnd();
    buffer.push(`${now().toISOString()}${INDENT.repeat(indent)}${INDENT}${shown}\n`);
    // A full disk must not end the step here; the last flush, which is awaited, tells of it.
    if (buffer.length >= FLUSH_LINES) flush().catch(() => undefined);
  };
  return {
    stage: (name) => line(`Stage: ${name}`, 0),
    command: (command) => line(`Command: ${command}`, 0),
    line,
    flush,
  };
}
