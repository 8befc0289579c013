import { tmpdir } from 'node:os';
import { ToolFailed, ToolMissing } from './errors.js';
import { findProgram, TOOLS, type ToolId, type ToolInfo, toolEnvironment } from './programs.js';
import { collectText, runTool } from './runner.js';

/** One row of a report on the installed tools. */
export type ToolReport = {
  name: string;
  /** The program that was asked. */
  command: string;
  version?: string;
  path?: string;
  status: 'ok' | 'missing' | 'wrong version' | 'failed';
  /** One sentence that says what was found; the cure is `installAdvice`. */
  detail: string;
};

type Expectation = {
  args: string[];
  pattern: RegExp;
  /** The version that results were checked with; also the oldest that is accepted. */
  checked?: string;
  /** First version that is not accepted. */
  below?: string;
};

const EXPECTED: Readonly<Record<ToolId, Expectation>> = {
  bowtie2: { args: ['--version'], pattern: /version (\d+(?:\.\d+)+)/, checked: '2.5.0', below: '3' },
  skewer: { args: ['--version'], pattern: /version:\s*(\d+(?:\.\d+)+)/, checked: '0.2.2', below: '0.3' },
  spades: { args: ['--version'], pattern: /SPAdes.* v(\d+(?:\.\d+)+)/, checked: '3.15.5', below: '5' },
  hmmer: { args: ['-h'], pattern: /HMMER (\d+(?:\.\d+)+)/, checked: '3.3.2', below: '4' },
  pigz: { args: ['--version'], pattern: /pigz (\d+(?:\.\d+)*)/ },
  igzip: { args: ['--version'], pattern: /igzip command line interface (\d+(?:\.\d+)*)/ },
};

const PROBE_LIMIT_MS = 30_000;

/** Finds all tools and asks for their versions; one row per tool, in the order of `TOOLS`. Never rejects for a tool's sake. */
export async function probeTools(signal?: AbortSignal): Promise<ToolReport[]> {
  return Promise.all(TOOLS.map((tool) => probeTool(tool, signal)));
}

/** Finds one tool and asks for its version. */
export async function probeTool(tool: ToolInfo, signal?: AbortSignal): Promise<ToolReport> {
  const [command] = tool.programs;
  const env = toolEnvironment();
  const path = findProgram(command, env);
  const row = { name: tool.name, command, ...(path === undefined ? {} : { path }) };
  const absent = tool.programs.find((program) => findProgram(program, env) === undefined);
  if (absent !== undefined) {
    return { ...row, status: 'missing', detail: `${absent} is not on PATH.` };
  }
  const limit = AbortSignal.timeout(PROBE_LIMIT_MS);
  try {
    const text = await versionText(command, EXPECTED[tool.id].args, signal ? AbortSignal.any([signal, limit]) : limit);
    return { ...row, ...judge(tool, text) };
  } catch (error) {
    signal?.throwIfAborted();
    const reason = limit.aborted ? 'it does not answer' : describe(error);
    return { ...row, status: 'failed', detail: `${command} is there but does not run: ${reason}` };
  }
}

async function versionText(command: string, args: string[], signal: AbortSignal): Promise<string> {
  const result = await runTool({ argv: [command, ...args] }, { signal, cwd: tmpdir(), stdout: collectText() });
  return `${result.output}\n${result.stderrTail.join('\n')}`;
}

function judge({ id }: ToolInfo, text: string): Pick<ToolReport, 'version' | 'status' | 'detail'> {
  const { pattern, checked, below } = EXPECTED[id];
  const version = pattern.exec(text)?.[1];
  if (version === undefined) return { status: 'wrong version', detail: 'It does not tell its version.' };
  if (checked === undefined) return { version, status: 'ok', detail: 'Any version will do.' };
  if (compareVersions(version, checked) < 0 || (below !== undefined && compareVersions(version, below) >= 0)) {
    return { version, status: 'wrong version', detail: `${checked} or newer is needed, but older than ${below}.` };
  }
  const same = compareVersions(version, checked) === 0;
  return { version, status: 'ok', detail: same ? 'Checked version.' : `Newer than the checked version ${checked}.` };
}

/** Negative when `a` is older than `b`, 0 when they are the same, positive when it is newer; missing parts count as 0. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** One line that says why a tool did not run. */
export function describe(error: unknown): string {
  if (error instanceof ToolFailed) return [error.message, ...error.run.stderrTail.slice(-2)].join(': ');
  if (error instanceof ToolMissing) return `${error.program} is not installed or cannot be started.`;
  return error instanceof Error ? error.message : String(error);
}
