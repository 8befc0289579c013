/** One thing that the server needs: how it is here, and what to do when it is not right, a line each. */
export type DoctorRow = { check: string; status: 'ok' | 'warn' | 'fail'; found: string; cure: string };

/** What is checked. Paths and addresses as configured; memory in GiB. */
export type DoctorOptions = {
  dataPath: string;
  /** Where read files are dropped; undefined when nobody looks there. */
  watchPath?: string | undefined;
  cachePath?: string | undefined;
  mongoUrl?: string | undefined;
  temporalAddress?: string | undefined;
  host: string;
  port: number;
  limits: { proc: number; mem: number };
  /** Leaves out what takes seconds: starting servers and running the tools. */
  quick?: boolean;
  /** Looks at the machine alone, not at servers and tools. */
  machineOnly?: boolean;
};

/** Makes a row; `cure` stays empty when all is well. */
export function row(check: string, status: DoctorRow['status'], found: string, cure = ''): DoctorRow {
  return { check, status, found, cure };
}
