import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { zipSync } from 'fflate';

/** A question to NCBI: the query of its address, and the form of a submission. */
export type BlastQuestion = { kind: 'submit' | 'status' | 'result'; query: Record<string, string>; form: string };

/** Answers one question. */
export type BlastRespond = (response: ServerResponse, question: BlastQuestion) => void;

/** A service on this machine that speaks like NCBI BLAST: each answer can be changed, and what it was asked is kept. */
export type BlastServer = {
  url: string;
  asked: BlastQuestion[];
  submit: BlastRespond;
  status: BlastRespond;
  result: BlastRespond;
  /** How often it was asked for the status or the result. */
  count(kind: BlastQuestion['kind']): number;
  close(): Promise<void>;
};

/** Starts the service. It takes every sequence as `RID00001`, `RID00002`, ..., and each is ready at once, with one hit. */
export async function startBlastServer(): Promise<BlastServer> {
  const http = createServer((request, response) => {
    let form = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      form += chunk;
    });
    request.on('end', () => {
      const query = Object.fromEntries(new URL(request.url ?? '', 'http://localhost').searchParams);
      const kind =
        request.method === 'POST' ? 'submit' : query.FORMAT_OBJECT === 'SearchInfo' ? 'status' : ('result' as const);
      const question: BlastQuestion = { kind, query, form };
      server.asked.push(question);
      server[kind](response, question);
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  let searches = 0;
  const server: BlastServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/Blast.cgi`,
    asked: [],
    submit: (response) => {
      searches += 1;
      response.end(submissionPage(`RID${String(searches).padStart(5, '0')}`));
    },
    status: (response) => response.end(statusPage('READY')),
    result: (response, { query }) => response.end(reportArchive(query.RID ?? '')),
    count: (kind) => server.asked.filter((question) => question.kind === kind).length,
    async close() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return server;
}

/** The page that answers a submission. */
export function submissionPage(rid: string): string {
  return `<!DOCTYPE html><html><p>Request ID</p>\n<!--QBlastInfoBegin\n    RID = ${rid}\n    RTOE = 21\nQBlastInfoEnd\n--></html>`;
}

/** The page that tells how a search is. */
export function statusPage(status: string): string {
  return `<html><!--\nQBlastInfoBegin\n\tStatus=${status}\nQBlastInfoEnd\n--><p>Status=${status}</p></html>`;
}

/** The archive of a finished search: a manifest, and the report. */
export function reportArchive(rid: string, report: unknown = blastReport()): Buffer {
  const file = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  const manifest = { BlastJSON: [{ File: `${rid}_1.json` }] };
  return Buffer.from(zipSync({ [`${rid}.json`]: file(manifest), [`${rid}_1.json`]: file(report) }));
}

/** A hit as NCBI reports it. */
export const HIT = {
  num: 1,
  len: 4132,
  description: [
    {
      id: 'ref|NC_004060.2|',
      accession: 'NC_004060',
      title: 'Southern bean mosaic virus, complete genome',
      taxid: 12139,
      sciname: 'Southern bean mosaic virus',
    },
    { id: 'gb|X', accession: 'X', title: 'the same sequence once more', taxid: 1, sciname: 'other' },
  ],
  hsps: [
    { num: 1, bit_score: 7000.5, score: 3790, evalue: 0, identity: 3800, align_len: 3810, gaps: 2, qseq: 'ACGT' },
    { num: 2, bit_score: 10, score: 9, evalue: 1, identity: 8, align_len: 7, gaps: 0 },
  ],
};

const SEARCH = {
  query_id: 'Query_1',
  query_len: 100,
  stat: { db_num: 44928843, db_len: 1197312963, eff_space: 1192960531265996, kappa: 0.46 },
};

/** A report in NCBI's form, with these hits. */
export function blastReport(hits: unknown[] | undefined = [HIT], search: Record<string, unknown> = {}): unknown {
  return {
    BlastOutput2: {
      report: {
        program: 'blastn',
        version: 'BLASTN 2.16.0+',
        reference: 'Stephen F. Altschul',
        search_target: { db: 'nr' },
        params: { expect: 10, sc_match: 1, sc_mismatch: -2, filter: 'L;m;' },
        results: { search: { ...SEARCH, hits, ...search } },
      },
    },
  };
}

/** What becomes of {@link blastReport}. */
export const RESULT = {
  program: 'blastn',
  version: 'BLASTN 2.16.0+',
  target: { db: 'nr' },
  masking: null,
  params: { expect: 10, sc_match: 1, sc_mismatch: -2, filter: 'L;m;' },
  stat: SEARCH.stat,
  hits: [
    {
      taxid: 12139,
      title: 'Southern bean mosaic virus, complete genome',
      accession: 'NC_004060',
      name: 'Southern bean mosaic virus',
      len: 4132,
      identity: 3800,
      evalue: 0,
      align_len: 3810,
      score: 3790,
      bit_score: 7000.5,
      gaps: 2,
    },
  ],
};
