import type { NuvsReport } from './nuvs/report.js';

/** The demo could not go on; the message says why in one line. */
export class DemoError extends Error {
  override name = 'DemoError';
}

/** One sequence of an isolate with its share of the reads. */
export type Segment = {
  /** As the reference names it, for example `RNA 1`; null when it names none. */
  name: string | null;
  accession: string;
  /** Bases. */
  length: number;
  reads: number;
  /** Share of all reads that Pathoscope gives to the sequence, 0 to 1. */
  weight: number;
  /** Covered part of the sequence, 0 to 1. */
  coverage: number;
  /** Median depth over the sequence. */
  depth: number;
};

/** One isolate that reads were assigned to. */
export type Finding = {
  virus: string;
  abbreviation: string;
  isolateId: string;
  isolate: string;
  reads: number;
  weight: number;
  coverage: number;
  /** Depth along the genome, one group of characters per segment. */
  sparkline: string;
  segments: Segment[];
};

/** A virus that was put into the sample. */
export type KnownVirus = {
  name: string;
  abbreviation: string;
  isolateId: string;
  isolate: string;
  /** Bases of its genome. */
  bases: number;
  /** Reads of it in the sample. */
  reads: number;
};

/** What the sample is made of, as far as a search in a reference can tell. */
export type SampleTruth = {
  sample: string;
  reads: number;
  /** Viruses of the sample that the reference contains. */
  known: KnownVirus[];
  /** Viruses of the sample that the reference does not contain. */
  hidden: KnownVirus[];
};

/** What became of one known virus. `first` is the isolate that got the largest weight, null when none was found. */
export type VirusVerdict = { name: string; expected: string; first: string | null; passed: boolean };

/** The findings against the truth: passed when every known virus has the right isolate first and no other was reported. */
export type Verdict = { passed: boolean; viruses: VirusVerdict[]; unexpected: string[] };

/** How long a step of the demo took. */
export type StepTime = {
  title: string;
  kind: 'job' | 'process';
  id: string;
  seconds: number;
  /** Time in the queue before the first step. */
  waitedSeconds: number;
  /** Steps of a job in order; empty for a process. */
  steps: { name: string; seconds: number }[];
};

/** What `--json` writes: the demo's result for programs. */
export type DemoReport = {
  passed: boolean;
  /** When the demo began, ISO 8601. */
  startedAt: string;
  /** From the first request to the result. */
  seconds: number;
  /** From the first request to the result of Pathoscope. */
  pathoscopeSeconds: number;
  version: string;
  sample: { id: string; name: string; reads: number };
  analysis: { id: string; algorithm: string; readCount: number; subtractedCount: number };
  findings: Finding[];
  verdict: Verdict;
  /** The search for what no reference explains. */
  nuvs: NuvsReport;
  truth: SampleTruth;
  times: StepTime[];
  /** WebSocket messages received, by interface. */
  messages: Record<string, number>;
  links: { server: string; apiDocumentation: string; temporalUi: string | null };
};
