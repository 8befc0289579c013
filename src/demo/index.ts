import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient } from './client/http.js';
import { openLiveUpdates } from './client/live_updates.js';
import { RootAnswer } from './client/schemas.js';
import { toNuvsReport } from './nuvs/findings.js';
import { nuvsText } from './nuvs/text.js';
import { walkNuvs } from './nuvs/walk.js';
import { toFindings } from './pathoscope/findings.js';
import { judge } from './pathoscope/verdict.js';
import { DemoError, type DemoReport } from './report.js';
import { createDisplay, type Terminal } from './screen/display.js';
import { endText, pathoscopeText } from './screen/result_text.js';
import { seconds } from './times.js';
import { readTruth } from './truth.js';
import { FILES, signIn, walk } from './walk.js';

export type { DemoReport } from './report.js';

/** Where the server is and what to show. */
export type DemoOptions = {
  /** Address of a running server without users, for example `http://localhost:9950`. */
  url: string;
  /** Default: `url` with `/ws`. */
  wsUrl?: string | undefined;
  /** Folder with the demo's data. */
  dataFolder: string;
  temporalUiUrl?: string | undefined;
  /** File for the report. */
  json?: string | undefined;
  /** Takes a line of text; lines and bars go to the same place. */
  print(line: string): void;
  /** Where bars move when it is a terminal; default stdout. */
  terminal?: Terminal | undefined;
  /** Ends the demo in the middle. */
  signal?: AbortSignal | undefined;
};

/**
 * Acts as a client of the server, over HTTP and WebSocket only: from the first user to the viruses of the demo's sample.
 * Prints the result; `passed` of the report tells whether it is the right one.
 *
 * @throws DemoError when the server does not get that far.
 */
export async function runDemo(options: DemoOptions): Promise<DemoReport> {
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  try {
    const report = await visit(options, signal);
    if (options.json !== undefined) await writeReport(options.json, report);
    return report;
  } finally {
    // Of two branches at the same time one may have failed; the other one must not go on.
    stop.abort(new DemoError('The demo has ended'));
  }
}

async function visit(options: DemoOptions, signal: AbortSignal): Promise<DemoReport> {
  const { url, dataFolder, print } = options;
  const startedAt = new Date();
  const elapsed = () => seconds(Date.now() - startedAt.getTime());
  const truth = await readTruth(join(dataFolder, FILES.truth));
  const client = createClient(url, signal);
  const { user, password } = await signIn(client);
  print(`Signed in to ${url} as the first user: ${user}, password ${password}`);
  const { version } = await client.send('GET', '/api', RootAnswer);
  const updates = await openLiveUpdates(options.wsUrl ?? socketUrl(url), client.cookies(), signal);
  const session = { client, updates, signal };
  try {
    const { sampleId, analysis, times } = await onDisplay(options, (display) => walk(session, dataFolder, display));
    const findings = toFindings(analysis);
    const pathoscope = {
      pathoscopeSeconds: elapsed(),
      sample: { id: sampleId, name: truth.sample, reads: truth.reads },
      analysis: {
        id: analysis.id,
        algorithm: analysis.algorithm,
        readCount: analysis.read_count,
        subtractedCount: analysis.subtracted_count,
      },
      findings,
      verdict: judge(findings, truth),
      truth,
    };
    // At once: the search for unknown viruses takes longer than all before.
    for (const line of pathoscopeText(pathoscope)) print(line);
    const place = { sampleId, referenceId: analysis.reference.id };
    const found = await onDisplay(options, (display) => walkNuvs(session, place, display));
    const nuvs = toNuvsReport(found, truth);
    const report = {
      passed: pathoscope.verdict.passed && nuvs.passed,
      startedAt: startedAt.toISOString(),
      seconds: elapsed(),
      version,
      ...pathoscope,
      nuvs,
      times: [...times, ...found.times],
      messages: updates.counts(),
      links: { server: url, apiDocumentation: `${url}/api/docs`, temporalUi: options.temporalUiUrl ?? null },
    };
    for (const line of [...nuvsText(nuvs), ...endText(report, { user, password })]) print(line);
    return report;
  } finally {
    updates.close();
  }
}

async function onDisplay<T>(
  { terminal, print }: DemoOptions,
  work: (display: ReturnType<typeof createDisplay>) => Promise<T>,
): Promise<T> {
  const display = createDisplay(terminal ?? process.stdout, print);
  try {
    return await work(display);
  } finally {
    display.end();
  }
}

function socketUrl(url: string): string {
  const socket = new URL('/ws', url);
  socket.protocol = socket.protocol === 'https:' ? 'wss:' : 'ws:';
  return socket.href;
}

async function writeReport(path: string, report: DemoReport): Promise<void> {
  await writeFile(path, `${JSON.stringify(report, null, 2)}\n`).catch((error: unknown) => {
    throw new DemoError(`The report cannot be written to ${path}: ${(error as Error).message}`, { cause: error });
  });
}
