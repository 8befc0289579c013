import { depthCurveInSteps } from '../../bio/curve.js';
import { type DecisionThresholds, decide, type Evidence } from '../../bio/decision.js';
import { unpackDepths } from '../../bio/depth_runs.js';
import type { AnalysisDocument, PathoscopeHit } from '../../store/analyses.js';
import type { Store } from '../../store/index.js';
import { encodeJson } from '../http/json.js';
import { toWireContigBlast } from './blast.js';
import { hmmIdsOf, type NuvsContig } from './downloads/nuvs.js';
import { evidenceOf, type HitOtu, type HitSequence, joinHits } from './hits.js';
import { createTurns } from './turns.js';

/** An OTU of a Pathoscope result as clients read it: JSON that lacks its last brace, and what the decision follows from. */
export type FormattedOtu = { json: Buffer; evidence: Evidence };

/** One entry per OTU with all its isolates and sequences; those without a hit have zeros. */
export async function formatPathoscope(
  { otuVersions }: Pick<Store, 'otuVersions'>,
  hits: readonly PathoscopeHit[],
): Promise<FormattedOtu[]> {
  const formatted: FormattedOtu[] = [];
  for await (const otu of joinHits(otuVersions, hits)) {
    formatted.push({ json: Buffer.from(await formatOtu(otu)), evidence: evidenceOf(otu) });
  }
  return formatted;
}

/** The JSON of formatted OTUs, each with its decision by these thresholds. */
export function encodeOtus(otus: readonly FormattedOtu[], thresholds: DecisionThresholds): Buffer[] {
  return otus.flatMap(({ json, evidence }, index) => [
    Buffer.from(index === 0 ? '' : ','),
    json,
    Buffer.from(`,"decision":${encodeJson(decide(evidence, thresholds))}}`),
  ]);
}

async function formatOtu({ isolates, isMissing, ...otu }: HitOtu): Promise<string> {
  const rest = createTurns();
  const shown: string[] = [];
  for (const { isolate, sequences } of isolates) {
    const texts: string[] = [];
    for (const sequence of sequences) {
      await rest();
      texts.push(await formatSequence(sequence, rest));
    }
    shown.push(withMember(encodeJson(isolate), 'sequences', `[${texts.join(',')}]`));
  }
  const whole = withMember(
    encodeJson({ ...otu, ...(isMissing ? { missing: true } : {}) }),
    'isolates',
    `[${shown.join(',')}]`,
  );
  return whole.slice(0, -1);
}

async function formatSequence(
  { sequence: { _id, sequence, ...document }, hit }: HitSequence,
  rest: () => Promise<void>,
): Promise<string> {
  if (!hit) return encodeJson({ ...document, id: _id, pi: 0, reads: 0, coverage: 0, best: 0, length: sequence.length });
  const { otu_id: _otu, isolate_id: _isolate, ...known } = document;
  const { otu: __, final, initial: ___, align, depth_by_base, ...found } = hit;
  // Of a sequence whose OTU is gone, the depths tell the length.
  const length = sequence.length || (align?.length ?? 0);
  let shown = encodeJson({ ...known, ...found, ...final, length });
  if (align) shown = withMember(shown, 'align', await encodeCurve(align, rest));
  if (!depth_by_base) return shown;
  const { align: packed, ...figures } = depth_by_base;
  const curve = await encodeCurve(unpackDepths(packed), rest);
  return withMember(shown, 'depth_by_base', withMember(encodeJson(figures), 'align', curve));
}

async function encodeCurve(depths: ArrayLike<number>, rest: () => Promise<void>): Promise<string> {
  const steps = depthCurveInSteps(depths);
  for (;;) {
    const step = steps.next();
    if (step.done) return JSON.stringify(step.value);
    await rest();
  }
}

// The encoder looks at every value for dates, which takes long for thousands of points.
function withMember(object: string, name: string, value: string): string {
  return `${object.slice(0, -1)},"${name}":${value}}`;
}

/** Contigs as stored, with their BLASTs; each hit gains what is known of its HMM, also when that is hidden. JSON, a text per contig. */
export async function formatNuvs(
  { analyses }: Pick<Store, 'analyses'>,
  contigs: readonly NuvsContig[],
  blasts: AnalysisDocument['blasts'] = [],
): Promise<string[]> {
  const rest = createTurns();
  const annotations = await analyses.hmmAnnotations(hmmIdsOf(contigs));
  const formatted: string[] = [];
  for (const contig of contigs) {
    await rest();
    const orfs = contig.orfs.map((orf) => ({
      ...orf,
      hits: orf.hits.map((hit) => ({ ...hit, ...annotations.get(hit.hit) })),
    }));
    formatted.push(encodeJson({ ...contig, ...toWireContigBlast(contig, blasts), orfs }));
  }
  return formatted;
}
