import type { DemoReport, Finding, KnownVirus, StepTime, VirusVerdict } from '../report.js';
import { type Column, formatTable } from './table.js';

const SHOWN_SECONDS = 0.05;
const STEPS_WIDTH = 72;

const FINDING_COLUMNS: Column[] = [
  { title: 'Virus' },
  { title: 'Isolate' },
  { title: 'Reads', align: 'right' },
  { title: 'Weight', align: 'right' },
  { title: 'Coverage', align: 'right' },
  { title: 'Depth', align: 'right' },
  { title: 'Along the genome' },
  { title: 'In the sample' },
];

const TIME_COLUMNS: Column[] = [
  { title: 'Step' },
  { title: 'Seconds', align: 'right' },
  { title: 'Waited', align: 'right' },
  { title: 'Steps that took time' },
];

/** Who the demo is on the server. */
export type SignedIn = { user: string; password: string };

/** What the result of Pathoscope is shown from. */
export type PathoscopeResult = Pick<DemoReport, 'sample' | 'analysis' | 'truth' | 'findings' | 'verdict'>;

/** The result of Pathoscope for people: findings beside the truth, and the verdict. */
export function pathoscopeText(result: PathoscopeResult): string[] {
  const { sample, analysis, truth } = result;
  return [
    '',
    `Pathoscope assigned ${analysis.readCount} of the ${sample.reads} reads of ${sample.name}:`,
    '',
    ...formatTable(FINDING_COLUMNS, findingRows(result)),
    '',
    verdictLine(result),
    ...truth.hidden.map(hiddenLine),
    '',
  ];
}

/** What is shown when all is done: times, links, and how to sign in. */
export function endText({ times, links }: Pick<DemoReport, 'times' | 'links'>, { user, password }: SignedIn): string[] {
  return [
    '',
    ...formatTable(TIME_COLUMNS, times.flatMap(timeRows)),
    '',
    `Server             ${links.server}`,
    `API documentation  ${links.apiDocumentation}`,
    ...(links.temporalUi ? [`Temporal UI        ${links.temporalUi}`] : []),
    `Sign in            user ${user}, password ${password}`,
    '',
  ];
}

function findingRows({ findings, truth, verdict }: PathoscopeResult): string[][] {
  const found = findings.map((finding) => [
    finding.virus,
    finding.isolate,
    String(finding.reads),
    finding.weight.toFixed(3),
    `${(100 * finding.coverage).toFixed(1)} %`,
    finding.segments.map(({ depth }) => depth).join('/'),
    finding.sparkline,
    inSample(finding, truth.known),
  ]);
  return [...found, ...verdict.viruses.filter(({ first }) => first === null).map(missingRow)];
}

function inSample(finding: Finding, known: readonly KnownVirus[]): string {
  const virus = known.find(({ name }) => name === finding.virus);
  if (!virus) return '✗ not this virus';
  return virus.isolateId === finding.isolateId ? `✓ ${virus.reads} reads` : `another isolate of ${virus.abbreviation}`;
}

function missingRow({ name, expected }: VirusVerdict): string[] {
  return [name, expected, '0', '', '', '', '', '✗ not found'];
}

function hiddenLine({ name, reads }: KnownVirus): string {
  return `The sample also holds ${reads} reads of ${name}, which is not in the reference: Pathoscope cannot find it, NuVs can.`;
}

function verdictLine({ verdict }: PathoscopeResult): string {
  if (verdict.passed)
    return `✓ All ${verdict.viruses.length} viruses of the sample were found with the right isolate, and no other.`;
  const wrong = verdict.viruses
    .filter((virus) => !virus.passed)
    .map(({ name, expected, first }) =>
      first === null ? `${name} was not found` : `${name}: expected ${expected} first, got ${first}`,
    );
  const unexpected = verdict.unexpected.map((name) => `${name} is not in the sample`);
  return `✗ ${[...wrong, ...unexpected].join('; ')}.`;
}

function timeRows({ title, kind, seconds, waitedSeconds, steps }: StepTime): string[][] {
  const slow = steps.filter((step) => step.seconds >= SHOWN_SECONDS);
  const [first = '', ...more] = wrap(slow.map((step) => `${step.name} ${step.seconds.toFixed(1)}`));
  const waited = kind === 'job' ? waitedSeconds.toFixed(1) : '';
  return [[title, seconds.toFixed(1), waited, first], ...more.map((line) => ['', '', '', line])];
}

function wrap(items: readonly string[]): string[] {
  const lines: string[] = [];
  for (const item of items) {
    const longer = `${lines.at(-1)}, ${item}`;
    if (lines.length > 0 && longer.length <= STEPS_WIDTH) lines[lines.length - 1] = longer;
    else lines.push(item);
  }
  return lines;
}
