import type { BlastAnswer, BlastService } from '../contracts/blast.js';
import { HIT_LIMIT, parseReport, parseStatus, parseSubmission } from './blast_answers.js';
import { askOnce, type Outgoing, type Question } from './http.js';

/** NCBI may take its time. */
const QUESTION_LIMIT_MS = 30_000;

/** A search of a contig as release 3.7.3 asks for it. */
const SEARCH = {
  CMD: 'Put',
  DATABASE: 'nr',
  PROGRAM: 'blastn',
  MEGABLAST: 'on',
  HITLIST_SIZE: String(HIT_LIMIT),
  FILTER: 'mL',
  FORMAT_TYPE: 'JSON2',
};

/** The client of NCBI BLAST at this address (`Blast.cgi`). */
export function createBlastService(outgoing: Outgoing, blastUrl: string): BlastService {
  const ask = async <T>(
    query: Record<string, string>,
    parse: (body: Buffer) => T | undefined,
    rest: Pick<Question, 'form' | 'signal'>,
  ): Promise<BlastAnswer<T>> => {
    const answer = await askOnce(outgoing, { url: withQuery(blastUrl, query), limitMs: QUESTION_LIMIT_MS, ...rest });
    if (!answer.ok) return answer;
    const value = parse(answer.body);
    return value === undefined ? { ok: false, trouble: { reason: 'unreadable' } } : { ok: true, value };
  };

  return {
    submit: (sequence, signal) =>
      ask(SEARCH, parseSubmission, { form: { QUERY: sequence }, ...(signal ? { signal } : {}) }),

    status: (rid, signal) => ask({ CMD: 'Get', RID: rid, FORMAT_OBJECT: 'SearchInfo' }, parseStatus, { signal }),

    result: (rid, signal) =>
      ask(
        { CMD: 'Get', RID: rid, FORMAT_TYPE: 'JSON2', FORMAT_OBJECT: 'Alignment' },
        (body) => parseReport(body, rid),
        { signal },
      ),
  };
}

function withQuery(address: string, query: Record<string, string>): string {
  const url = new URL(address);
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
  return url.href;
}
