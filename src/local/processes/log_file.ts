import { closeSync, existsSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const MAX_BYTES = 16 * 1024 * 1024;
const KEPT = 2;

/** The log of one child process: bounded, with the last runs beside it as `.1` and `.2`. */
export class LogFile {
  private fd: number;
  private sizeBytes = 0;
  private failed = false;

  /** Moves the log of the last run aside and starts a new one. `onFault` hears once when the disk refuses. */
  constructor(
    readonly path: string,
    private readonly onFault: (error: unknown) => void,
    private readonly maxBytes = MAX_BYTES,
  ) {
    mkdirSync(dirname(path), { recursive: true });
    this.fd = this.open();
  }

  /** Appends; a full disk loses the text, never the process that writes it. */
  write(chunk: Buffer): void {
    if (this.fd < 0) return;
    try {
      if (this.sizeBytes + chunk.length > this.maxBytes) {
        closeSync(this.fd);
        this.fd = this.open();
      }
      writeSync(this.fd, chunk);
      this.sizeBytes += chunk.length;
    } catch (error) {
      if (!this.failed) this.onFault(error);
      this.failed = true;
    }
  }

  close(): void {
    if (this.fd >= 0) closeSync(this.fd);
    this.fd = -1;
  }

  private open(): number {
    for (let n = KEPT; n > 0; n--) {
      const from = n === 1 ? this.path : `${this.path}.${n - 1}`;
      if (existsSync(from)) renameSync(from, `${this.path}.${n}`);
    }
    const fd = openSync(this.path, 'a', 0o640);
    this.sizeBytes = fstatSync(fd).size;
    return fd;
  }
}
