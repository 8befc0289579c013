import type { Finding, KnownVirus, SampleTruth, Verdict, VirusVerdict } from '../report.js';

/**
 * Judges findings in the order of {@link toFindings}. A second isolate of a known virus is no fault; a virus that is not in
 * the sample is one. OTU ids are new with every import, so viruses are told by their names; isolate ids are kept.
 */
export function judge(findings: readonly Finding[], truth: SampleTruth): Verdict {
  const viruses = truth.known.map((known) => judgeVirus(known, findings));
  const names = new Set(truth.known.map(({ name }) => name));
  const unexpected = [...new Set(findings.map(({ virus }) => virus))].filter((virus) => !names.has(virus));
  return { passed: viruses.every(({ passed }) => passed) && unexpected.length === 0, viruses, unexpected };
}

function judgeVirus(known: KnownVirus, findings: readonly Finding[]): VirusVerdict {
  const first = findings.find(({ virus }) => virus === known.name);
  return {
    name: known.name,
    expected: known.isolate,
    first: first?.isolate ?? null,
    passed: first?.isolateId === known.isolateId,
  };
}
