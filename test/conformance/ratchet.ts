import { readFileSync, writeFileSync } from 'node:fs';

const LINE_WIDTH = 110;

/** What differs in an answer. */
type Difference = { path: string; expected?: unknown; actual?: unknown };

/** A step of the recorded walk as the replayer judged it. `info` is a known defect of the original, which is not compared. */
export type StepResult = {
  n: number;
  concern: string;
  name: string;
  request: string;
  result: 'same' | 'different' | 'info' | 'skipped';
  status?: unknown;
  statusEqual?: boolean;
  missing?: Difference[];
  type?: Difference[];
  value?: Difference[];
};

/** A run against the list of steps that must match. */
export type Comparison = {
  /** Steps of the list that no longer match. */
  lost: StepResult[];
  /** Steps that match and are not in the list. */
  gained: StepResult[];
};

/** Compares a run with the steps that must match. Steps that the run left out are not judged. */
export function compareWithList(list: readonly number[], results: readonly StepResult[]): Comparison {
  const must = new Set(list);
  return {
    lost: results.filter(({ n, result }) => must.has(n) && result === 'different'),
    gained: results.filter(({ n, result }) => !must.has(n) && result === 'same'),
  };
}

/** Reads the steps that must match. */
export function readList(path: string): number[] {
  return (JSON.parse(readFileSync(path, 'utf8')) as { steps: number[] }).steps;
}

/** Adds steps to the list; it never gets shorter. */
export function extendList(path: string, gained: readonly StepResult[]): void {
  const steps = [...new Set([...readList(path), ...gained.map(({ n }) => n)])].sort((a, b) => a - b);
  writeFileSync(path, `{\n  "steps": [\n${inLines(steps)}\n  ]\n}\n`);
}

/** A lost step for people: the request, and what differs in its answer. */
export function describeStep({ n, concern, name, request, ...step }: StepResult): string {
  const differences = (['missing', 'type', 'value'] as const).flatMap((kind) =>
    (step[kind] ?? []).slice(0, 5).map(({ path, expected, actual }) => {
      const got = kind === 'missing' ? '' : `, got ${JSON.stringify(actual)}`;
      return `    ${kind} ${path || '(body)'}: expected ${JSON.stringify(expected)}${got}`;
    }),
  );
  const status = step.statusEqual === false ? [`    status: ${JSON.stringify(step.status)}`] : [];
  return [`  #${n} [${concern}] ${name} (${request})`, ...status, ...differences].join('\n');
}

function inLines(steps: readonly number[]): string {
  const lines = [''];
  steps.forEach((step, index) => {
    const text = `${step}${index < steps.length - 1 ? ',' : ''}`;
    const line = lines.at(-1) ?? '';
    if (line.length + text.length + 1 > LINE_WIDTH) lines.push(`    ${text}`);
    else lines[lines.length - 1] = line === '' ? `    ${text}` : `${line} ${text}`;
  });
  return lines.join('\n');
}
