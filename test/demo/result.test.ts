import { join } from 'node:path';
import { expect, test } from 'vitest';
import { toFindings } from '../../src/demo/pathoscope/findings.js';
import { judge } from '../../src/demo/pathoscope/verdict.js';
import type { Finding } from '../../src/demo/report.js';
import { endText, type PathoscopeResult, pathoscopeText } from '../../src/demo/screen/result_text.js';
import { readTruth } from '../../src/demo/truth.js';
import { DATA, expectedSequences, recordedAnalysis } from './recorded.js';

const truth = await readTruth(join(DATA, 'single_small.truth.json'));
const findings = toFindings(recordedAnalysis());

test('the findings are those of the bare tools, sequence by sequence', () => {
  const found = findings.flatMap(({ virus, isolateId, isolate, segments }) =>
    segments.map(({ accession, weight, reads, coverage, depth }) => ({
      accession,
      otu_name: virus,
      isolate: isolateId,
      isolate_name: isolate,
      pi: Number(weight.toFixed(6)),
      reads,
      coverage,
      depth,
    })),
  );
  const byAccession = (a: { accession: string }, b: { accession: string }) => a.accession.localeCompare(b.accession);
  const expected = expectedSequences().map(
    ({ accession, otu_name, isolate, isolate_name, pi, reads, coverage, depth }) => ({
      accession,
      otu_name,
      isolate,
      isolate_name,
      pi,
      reads,
      coverage,
      depth,
    }),
  );
  expect(found.toSorted(byAccession)).toEqual(expected.toSorted(byAccession));
});

test('an isolate of several segments is one finding with its sums, segments in natural order', () => {
  const cucumber = findings.find(({ abbreviation }) => abbreviation === 'CMV');
  expect(cucumber?.segments.map(({ name }) => name)).toEqual(['RNA 1', 'RNA 2', 'RNA 3']);
  expect(cucumber?.reads).toBe(237 + 188 + 154);
  expect(cucumber?.weight).toBeCloseTo(0.071557 + 0.051532 + 0.042462, 5);
  expect(cucumber?.coverage).toBeCloseTo((0.998 * 3357 + 0.986 * 3050 + 0.993 * 2216) / (3357 + 3050 + 2216), 6);
  expect(cucumber?.sparkline.split('|')).toHaveLength(3);
});

test('the tenth segment stands behind the second', () => {
  const sequence = (segment: string) => ({
    accession: segment,
    segment,
    length: 10,
    pi: 0.1,
    reads: 1,
    coverage: 1,
    depth: 1,
    align: [],
  });
  const isolate = {
    id: 'a',
    source_type: 'isolate',
    source_name: 'A',
    sequences: ['RNA 10', 'RNA 2'].map(sequence),
  };
  const otu = { name: 'A virus', abbreviation: '', isolates: [isolate] };
  const [finding] = toFindings({ ...recordedAnalysis(), results: [otu] });
  expect(finding?.segments.map(({ name }) => name)).toEqual(['RNA 2', 'RNA 10']);
});

test('the right isolates pass, and a few reads on a second isolate of a known virus are no fault', () => {
  expect(findings.filter(({ abbreviation }) => abbreviation === 'PSTVd')).toHaveLength(2);
  const verdict = judge(findings, truth);
  expect(verdict.passed).toBe(true);
  expect(verdict.unexpected).toEqual([]);
  expect(verdict.viruses.map(({ name, passed }) => [name, passed])).toEqual([
    ['Tobacco mosaic virus', true],
    ['Potato virus Y', true],
    ['Cucumber mosaic virus', true],
    ['Potato spindle tuber viroid', true],
  ]);
});

test('a known virus that was not found fails', () => {
  const verdict = judge(
    findings.filter(({ abbreviation }) => abbreviation !== 'PVY'),
    truth,
  );
  expect(verdict.passed).toBe(false);
  expect(verdict.viruses.find(({ passed }) => !passed)).toMatchObject({ name: 'Potato virus Y', first: null });
});

test('a wrong isolate in the first place fails, whatever follows it', () => {
  const analysis = recordedAnalysis();
  const viroid = analysis.results.find(({ abbreviation }) => abbreviation === 'PSTVd');
  const fujian = viroid?.isolates.find(({ id }) => id === 'th2y50kk')?.sequences[0];
  if (!fujian) throw new Error('the recording has the second isolate');
  fujian.pi = 0.5;
  const verdict = judge(toFindings(analysis), truth);
  expect(verdict.passed).toBe(false);
  expect(verdict.viruses.find(({ passed }) => !passed)).toMatchObject({
    expected: 'isolate Hebei',
    first: 'isolate Fujian',
  });
});

test('a virus that is not in the sample fails, even with a single read', () => {
  const stranger = { ...(findings[0] as Finding), virus: 'Potato virus X', reads: 1, weight: 0.0001 };
  const verdict = judge([...findings, stranger], truth);
  expect(verdict.passed).toBe(false);
  expect(verdict.unexpected).toEqual(['Potato virus X']);
});

function result(changes: Partial<PathoscopeResult> = {}): PathoscopeResult {
  return {
    sample: { id: 'aaaaaaaa', name: 'single_small', reads: 10_000 },
    analysis: { id: 'bbbbbbbb', algorithm: 'pathoscope_bowtie', readCount: 3495, subtractedCount: 0 },
    findings,
    verdict: judge(findings, truth),
    truth,
    ...changes,
  };
}

test('the table shows each isolate beside what the sample contains', () => {
  const text = pathoscopeText(result());
  expect(text).toContainEqual(
    expect.stringMatching(
      /^Tobacco mosaic virus +isolate Chengjiang +1945 +0\.549 +99\.9 % +30 +\S.* {2}✓ 2000 reads$/,
    ),
  );
  expect(text).toContainEqual(
    expect.stringMatching(/^Cucumber mosaic virus +strain Fny +579 .* 7\/6\/7 .*✓ 600 reads$/),
  );
  expect(text).toContainEqual(expect.stringMatching(/^Potato spindle .* isolate Fujian .* another isolate of PSTVd$/));
  expect(text).toContainEqual(
    expect.stringMatching(/1400 reads of Southern bean mosaic virus.*Pathoscope cannot find it/),
  );
  expect(text).toContainEqual(expect.stringMatching(/^✓ All 4 viruses/));
});

test('the text names what is wrong', () => {
  const kept = findings.filter(({ abbreviation }) => abbreviation !== 'PVY');
  const text = pathoscopeText(result({ findings: kept, verdict: judge(kept, truth) }));
  expect(text).toContainEqual(expect.stringMatching(/^Potato virus Y +isolate DSMZ PV-0025 +0 .*✗ not found$/));
  expect(text).toContainEqual('✗ Potato virus Y was not found.');
});

test('the end shows what took time, and where the server is', () => {
  const times = [{ title: 'Run NuVs', kind: 'job' as const, id: 'j', seconds: 9.5, waitedSeconds: 0.1, steps: [] }];
  const links = { server: 'http://localhost:1', apiDocumentation: 'http://localhost:1/api/docs', temporalUi: null };
  const text = endText({ times, links }, { user: 'demo', password: 'secret' });
  expect(text).toContainEqual(expect.stringMatching(/^Run NuVs +9\.5 +0\.1$/));
  expect(text).toContainEqual('API documentation  http://localhost:1/api/docs');
  expect(text).toContainEqual('Sign in            user demo, password secret');
  expect(text.join('\n')).not.toContain('Temporal UI');
});
