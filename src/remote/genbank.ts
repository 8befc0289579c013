import { setTimeout as delay } from 'node:timers/promises';
import type { GenbankAnswer, GenbankService } from '../contracts/genbank.js';
import { parseGenbank } from './genbank_record.js';
import { askOnce, type Outgoing } from './http.js';

const QUESTION_LIMIT_MS = 20_000;
/** NCBI blocks who asks more than three times a second (E-utilities, "Frequency, Timing and Registration of E-utility URL Requests"). */
const PACE_MS = 350;
const LONGEST_QUEUE_MS = 10_000;

/** The client of GenBank at this address (`efetch.fcgi` of the E-utilities); `email` is whom NCBI may write to. */
export function createGenbankService(outgoing: Outgoing, genbankUrl: string, email?: string): GenbankService {
  let nextAt = 0;

  return {
    async find(accession): Promise<GenbankAnswer> {
      const wait = Math.max(0, nextAt - Date.now());
      if (wait > LONGEST_QUEUE_MS) return { ok: false, trouble: { reason: 'status', status: 429 } };
      nextAt = Math.max(nextAt, Date.now()) + PACE_MS;
      await delay(wait);
      const url = new URL(genbankUrl);
      const query = { db: 'nuccore', id: accession, retmode: 'text', rettype: 'gb', tool: 'virtool' };
      for (const [key, value] of Object.entries({ ...query, ...(email ? { email } : {}) })) {
        url.searchParams.set(key, value);
      }
      const answer = await askOnce(outgoing, { url: url.href, limitMs: QUESTION_LIMIT_MS });
      if (!answer.ok) {
        // So NCBI answers for an accession that it does not know.
        const isUnknown = answer.trouble.reason === 'status' && answer.trouble.status === 400;
        return isUnknown ? { ok: false, trouble: { reason: 'not_found' } } : answer;
      }
      const record = parseGenbank(answer.body.toString('utf8'));
      if (record === 'no_bases') return { ok: false, trouble: { reason: 'no_bases' } };
      return record ? { ok: true, record } : { ok: false, trouble: { reason: 'unreadable' } };
    },
  };
}
