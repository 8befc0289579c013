import { describe, expect, test } from 'vitest';
import { viewOf } from '../../src/bio/memory.js';
import { Subtraction } from '../../src/bio/pathoscope/subtraction.js';
import { createCandidateReferences, isAccepted, parseSamLine, SamReader } from '../../src/bio/sam.js';
import { formatVtaLine, VtaEncoder } from '../../src/bio/vta.js';
import { goldenJson, goldenLines } from './golden.js';

type ScoreCase = { line: string; score?: number; error?: { args: [string] } };

function samLine(
  fields: { name?: string; flag?: number; reference?: string; quality?: string; tags?: string[] } = {},
): string {
  const { name = 'r1', flag = 0, reference = 'ref', quality = 'IIIII', tags = ['AS:i:10'] } = fields;
  return [name, flag, reference, 7, 42, '5M', '*', 0, 0, 'ACGTA', quality, ...tags].join('\t');
}

test.each(goldenJson<ScoreCase[]>('pathoscope/edge/scores.json'))('p-score of %j', ({ line, score, error }) => {
  if (error) expect(() => parseSamLine(line)).toThrow(error.args[0]);
  else expect(parseSamLine(line)?.score).toBe(score);
});

test('an alignment has the read, the reference, the 1-based position and the length of the whole read', () => {
  expect(parseSamLine(samLine())).toEqual({ read: 'r1', reference: 'ref', position: 7, length: 5, score: 15 });
});

test.each([
  ['a header line', '@SQ\tSN:ref\tLN:100'],
  ['an empty line', ''],
  ['a blank line', '\r'],
  ['an unmapped read', samLine({ flag: 4 })],
  ['an unmapped mate', samLine({ flag: 77 })],
  ['no reference', samLine({ reference: '*' })],
])('%s is skipped', (_, line) => {
  expect(parseSamLine(line)).toBeUndefined();
});

// '#' is a quality value and a legal first character of a read name, not a comment.
test.each(['#1', '*', 'AS:i:5', 'a,b'])("the read name '%s' is not special", (name) => {
  expect(parseSamLine(samLine({ name }))?.read).toBe(name);
});

test('a quality text that looks like a score tag is not one', () => {
  expect(parseSamLine(samLine({ quality: 'AS:i:' }))?.score).toBe(15);
  expect(() => parseSamLine(samLine({ quality: 'AS:i:', tags: ['XN:i:0'] }))).toThrow('Could not find alignment score');
});

test.each([
  'r1',
  'r1\t0\tref',
  'r1\tx\tref\t1\t42\t5M\t*\t0\t0\tACGTA\tIIIII\tAS:i:1',
  'r1\t0\tref\t1\t42\t5M\t*\t0\t0\tACGTA',
])("'%s' is an error", (line) => {
  expect(() => parseSamLine(line)).toThrow(/Not a SAM line/);
});

// The contract counts the column, whatever the CIGAR says.
test.each([
  ['as the CIGAR says', '5M', 'ACGTA', 'IIIII', 5],
  ['fewer than the CIGAR says', '9M', 'ACGTA', 'IIIII', 5],
  ['more than the CIGAR says', '2M', 'ACGTA', 'IIIII', 5],
  ['left out', '5M', '*', '*', 1],
  ['there, and only the qualities left out', '5M', 'ACGTA', '*', 5],
  ['a single one', '1M', 'A', '*', 1],
])('the bases of a read are counted: %s', (_, cigar, bases, qualities, length) => {
  const line = `r1\t0\tref\t7\t42\t${cigar}\t*\t0\t0\t${bases}\t${qualities}\tAS:i:10\tXS:i:9`;
  expect(parseSamLine(line)).toMatchObject({ length, score: 10 + length });
});

test('an omitted read is as long as its CIGAR, and a primary one is not taken for omitted', () => {
  const lengths = ['256\tref\t7\t1\t2S90M8S', '272\tref\t7\t1\t100M', '0\tref\t7\t1\t100M'].map((beginning) => {
    const reader = new SamReader({ omitsBases: true });
    const memory = viewOf(Buffer.from(`r1\t${beginning}\t*\t0\t0\t*\t*\tAS:i:10`));
    reader.read(memory, 0, memory.byteLength);
    return [reader.length, reader.score];
  });
  expect(lengths).toEqual([
    [100, 110],
    [100, 110],
    [1, 11],
  ]);
});

test("every score of upstream's SAM lines", () => {
  const { sam } = goldenJson<{ sam: { scores: number[] } }>('pathoscope/upstream_sam_50/expected.json');
  const alignments = goldenLines('pathoscope/upstream_sam_50/input.sam').flatMap((line) => parseSamLine(line) ?? []);
  expect(alignments.map((alignment) => alignment.score)).toEqual(sam.scores);
  expect(alignments.map(formatVtaLine)).toEqual(
    goldenLines('pathoscope/upstream_sam_50/input.vta').map((line) => `${line}\n`),
  );
});

describe.each(['sim_500', 'sim_paired', 'sim_host'])('bowtie2 output of %s', (name) => {
  const file = (path: string) => `pathoscope/${name}/${path}`;

  test('the candidates are the references of accepted alignments', () => {
    const { pipeline } = goldenJson<{ pipeline: { candidate_sequences: string[] } }>(file('expected.json'));
    const candidates = createCandidateReferences();
    for (const line of goldenLines(file('default_isolates.sam'))) candidates.addSamLine(line);
    expect(candidates.sorted()).toEqual([...pipeline.candidate_sequences].sort());
  });

  test('the accepted alignments are the VTA', () => {
    const alignments = goldenLines(file('isolates.sam')).flatMap((line) => parseSamLine(line) ?? []);
    const vta = alignments.filter(isAccepted).map(formatVtaLine).join('');
    expect(vta).toBe(
      goldenLines(file('input.vta'))
        .map((line) => `${line}\n`)
        .join(''),
    );
  });

  test('the same when the bases of secondary alignments are left out', () => {
    const reader = new SamReader({ omitsBases: true });
    const texts: string[] = [];
    const encoder = new VtaEncoder((bytes) => texts.push(Buffer.from(bytes).toString('latin1')));
    let omitted = 0;
    for (const line of goldenLines(file('isolates.sam'))) {
      const columns = line.split('\t');
      if ((Number(columns[1]) & 256) !== 0) {
        columns.splice(9, 2, '*', '*');
        omitted += 1;
      }
      const memory = viewOf(Buffer.from(columns.join('\t'), 'latin1'));
      if (reader.read(memory, 0, memory.byteLength) && isAccepted(reader)) encoder.add(reader);
    }
    encoder.finish();
    expect(omitted).toBeGreaterThan(0);
    expect(texts.join('').split('\n')).toEqual([...goldenLines(file('input.vta')), '']);
  });

  test('the host scores are those of the last mapped line per read', () => {
    const scores = new Map<string, number>();
    for (const line of goldenLines(file('subtraction.sam'))) {
      const alignment = parseSamLine(line);
      if (alignment) scores.set(alignment.read, alignment.score);
    }
    expect(Object.fromEntries(scores)).toEqual(goldenJson(file('host_scores.json')));
  });

  test('host lines and VTA lines give the subtraction', () => {
    const { subtraction } = goldenJson<{ subtraction: { subtracted_count: number; lines_after: number } }>(
      file('expected.json'),
    );
    const subtract = new Subtraction();
    for (const line of goldenLines(file('subtraction.sam'))) subtract.addHostSamLine(line);
    for (const line of goldenLines(file('input.vta'))) subtract.addVtaLine(line);
    const { kept, subtractedCount } = subtract.result();
    expect(subtractedCount).toBe(subtraction.subtracted_count);
    expect(kept.filter(Boolean)).toHaveLength(subtraction.lines_after);
  });
});
