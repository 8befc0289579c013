import { unzipSync } from 'fflate';
import * as v from 'valibot';
import type { BlastHit, BlastResult, BlastStatus } from '../contracts/blast.js';
import { parseJsonAnswer } from './json_answer.js';

/** Hits that a search is asked for. */
export const HIT_LIMIT = 5;

/** Bytes of an unpacked report; a usual one has some ten thousand. */
const REPORT_LIMIT_BYTES = 8 * 1024 ** 2;

const INFO = /QBlastInfoBegin([\s\S]*?)QBlastInfoEnd/g;

/** The id of a search (RID) in the page that answers its submission; undefined when NCBI did not take it. */
export function parseSubmission(page: Buffer): string | undefined {
  // The id becomes part of addresses and of a workflow's id.
  return /^[ \t]*RID *= *([\w-]{1,64})[ \t\r]*$/m.exec(infoOf(page))?.[1];
}

/** What the page of a search says of it; undefined when it is another page. */
export function parseStatus(page: Buffer): BlastStatus | undefined {
  const status = /^[ \t]*Status *= *(\w+)[ \t\r]*$/m.exec(infoOf(page))?.[1]?.toLowerCase();
  return STATUSES.find((known) => known === status);
}

const STATUSES: readonly BlastStatus[] = ['waiting', 'ready', 'failed', 'unknown'];

function infoOf(page: Buffer): string {
  return Array.from(page.toString('utf8').matchAll(INFO), ([, info]) => info).join('\n');
}

const Figures = v.record(v.string(), v.union([v.string(), v.number(), v.boolean(), v.null()]));

const Hit = v.object({
  len: v.number(),
  description: v.array(
    v.object({
      taxid: v.nullish(v.number()),
      title: v.nullish(v.string()),
      accession: v.nullish(v.string()),
      sciname: v.nullish(v.string()),
    }),
  ),
  // One without an alignment is no hit.
  hsps: v.pipe(
    v.array(
      v.object({
        identity: v.number(),
        evalue: v.number(),
        align_len: v.number(),
        score: v.number(),
        bit_score: v.number(),
        gaps: v.number(),
      }),
    ),
    v.minLength(1),
  ),
});

const Report = v.object({
  BlastOutput2: v.object({
    report: v.object({
      program: v.string(),
      version: v.string(),
      search_target: Figures,
      params: Figures,
      results: v.object({
        search: v.object({
          query_masking: v.optional(v.unknown(), null),
          hits: v.optional(v.array(Hit), []),
          stat: Figures,
        }),
      }),
    }),
  }),
});

/** The report in the archive that answers a finished search (format JSON2); undefined when it is not there or not whole. */
export function parseReport(archive: Buffer, rid: string): BlastResult | undefined {
  const parsed = v.safeParse(Report, readJson(archive, `${rid}_1.json`));
  if (!parsed.success) return undefined;
  const { program, version, search_target: target, params, results } = parsed.output.BlastOutput2.report;
  const { query_masking: masking, stat, hits } = results.search;
  return { program, version, target, masking, params, stat, hits: hits.slice(0, HIT_LIMIT).map(toHit) };
}

function readJson(archive: Buffer, name: string): unknown {
  try {
    const files = unzipSync(archive, {
      filter: (file) => file.name === name && file.originalSize <= REPORT_LIMIT_BYTES,
    });
    const content = files[name];
    return content && parseJsonAnswer(Buffer.from(content).toString('utf8'));
  } catch {
    // A page of HTML or a cut archive: to the caller all the same.
    return undefined;
  }
}

function toHit({ len, description, hsps }: v.InferOutput<typeof Hit>): BlastHit {
  const [about] = description;
  const [best] = hsps as [v.InferOutput<typeof Hit>['hsps'][number]];
  return {
    taxid: about?.taxid ?? '',
    title: about?.title ?? '',
    accession: about?.accession ?? '',
    name: about?.sciname ?? '',
    len,
    identity: best.identity,
    evalue: best.evalue,
    align_len: best.align_len,
    score: best.score,
    bit_score: best.bit_score,
    gaps: best.gaps,
  };
}
