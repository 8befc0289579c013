import { closeSync, existsSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const MAX_BYTES = 16 * 1024 * 1024;
const KEPT = 2;
const REOPEN_MS = 10_000;

/** The log of one child process: bounded, with the last runs beside it as `.1` and `.2`. */
export class LogFile {
  private fd = -1;
  private sizeBytes = 0;
  private hasFailed = false;
  private isClosed = false;
  private openAt = 0;

  /** Moves the log of the last run aside and starts a new one. `onFault` hears once when the disk refuses. */
  constructor(
    readonly path: string,
    private readonly onFault: (error: unknown) => void,
    private readonly maxBytes = MAX_BYTES,
  ) {
    this.attempt(() => this.open());
  }

  /** Appends; a full disk loses the text, never the process that writes it. */
  write(chunk: Buffer): void {
    if (this.isClosed) return;
    this.attempt(() => {
      if (this.fd < 0 && Date.now() < this.openAt) return;
      if (this.fd < 0 || this.sizeBytes + chunk.length > this.maxBytes) this.open();
      writeSync(this.fd, chunk);
      this.sizeBytes += chunk.length;
    });
  }

  close(): void {
    this.isClosed = true;
    this.attempt(() => this.closeFile());
  }

  private attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!this.hasFailed) this.onFault(error);
      this.hasFailed = true;
    }
  }

  private closeFile(): void {
    const { fd } = this;
    this.fd = -1;
    if (fd >= 0) closeSync(fd);
  }

  private open(): void {
    this.closeFile();
    this.openAt = Date.now() + REOPEN_MS;
    mkdirSync(dirname(this.path), { recursive: true });
    for (let n = KEPT; n > 0; n--) {
      const from = n === 1 ? this.path : `${this.path}.${n - 1}`;
      if (existsSync(from)) renameSync(from, `${this.path}.${n}`);
    }
    this.fd = openSync(this.path, 'a', 0o640);
    this.sizeBytes = fstatSync(this.fd).size;
  }
}
