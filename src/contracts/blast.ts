import type { RemoteTrouble } from './releases.js';

/** What BLAST found: the program's report in the form of release 3.7.3, best hit first. */
export type BlastResult = {
  program: string;
  version: string;
  target: BlastFigures;
  masking: unknown;
  params: BlastFigures;
  stat: BlastFigures;
  hits: BlastHit[];
};

/** Figures that BLAST names itself, such as `expect` or `db_len`. */
export type BlastFigures = Record<string, string | number | boolean | null>;

/** A sequence of the database with its best alignment. What NCBI does not tell is an empty text. */
export type BlastHit = {
  taxid: number | '';
  title: string;
  accession: string;
  /** Scientific name of the organism. */
  name: string;
  /** Bases of the sequence. */
  len: number;
  /** Identical bases of the alignment. */
  identity: number;
  evalue: number;
  /** Columns of the alignment. */
  align_len: number;
  score: number;
  bit_score: number;
  gaps: number;
};

/** What NCBI says of a search. It is `unknown` when it never existed or is older than a day or so. */
export type BlastStatus = 'waiting' | 'ready' | 'failed' | 'unknown';

/** A value of BLAST, or why there is none. */
export type BlastAnswer<T> = { ok: true; value: T } | { ok: false; trouble: RemoteTrouble };

/** NCBI BLAST. Each call is one request with a time limit; trouble is a value, an abort is thrown. */
export type BlastService = {
  /** Hands a sequence in; gives the id of the search (RID). */
  submit(sequence: string, signal?: AbortSignal): Promise<BlastAnswer<string>>;
  status(rid: string, signal: AbortSignal): Promise<BlastAnswer<BlastStatus>>;
  /** The result of a search that is ready. */
  result(rid: string, signal: AbortSignal): Promise<BlastAnswer<BlastResult>>;
};

/** The search for one contig of a NuVs analysis. A new one for the same contig has another `rid` or `ticket`, and replaces it. */
export type BlastSearch = {
  analysisId: string;
  /** The contig. */
  index: number;
  /** Null until NCBI has taken it. */
  rid: string | null;
  /** What names a search that NCBI has not taken at once, before and after it has. */
  ticket?: string;
};

/** How often a search is asked for, in seconds, and when it is given up. */
export type BlastPace = {
  first: number;
  second: number;
  /** How much longer each further wait is. */
  growth: number;
  longest: number;
  /** The longest time from the start to the last question. */
  limit: number;
  /** Questions without an answer, one after the other, that end it. */
  troubles: number;
};

/**
 * The pace of a server. NCBI asks not to poll a search more than once a minute, and keeps results for a day; the first wait is
 * that of release 3.7.3.
 */
export const BLAST_PACE: BlastPace = {
  first: 3,
  second: 60,
  growth: 5,
  longest: 600,
  limit: 24 * 3_600,
  troubles: 20,
};

/** Input of the workflow `blast`. */
export type BlastInput = BlastSearch & { pace: BlastPace };

/** Why a search ended without a result. */
export type BlastFailure = Exclude<RemoteTrouble['reason'], 'status' | 'rate_limited'> | BlastEnd;

type BlastEnd = 'failed' | 'unknown' | 'refused' | 'too_slow' | 'stopped' | 'no_contig' | 'bug';

/** What one question told. `gone` means that nobody waits for the search any more. */
export type BlastCheck = { state: 'waiting' | 'done' | 'gone' } | BlastTroubleCheck;

/** What one try to hand a search in came to. */
export type BlastSubmission = { state: 'submitted'; rid: string } | { state: 'gone' } | BlastTroubleCheck;

type BlastTroubleCheck = { state: 'trouble' | 'failed'; reason: BlastFailure };

/** Activities of `blast`, on `control`. */
export type BlastActivities = {
  /** Hands in at NCBI what could not be handed in before, and notes the id; or that it was tried. */
  submitBlast(input: BlastSearch & { waitedSeconds: number }): Promise<BlastSubmission>;
  /** Asks NCBI once and writes down what it says: that it was asked, or the result. */
  checkBlast(input: BlastSearch & { waitedSeconds: number }): Promise<BlastCheck>;
  /** Notes why there is no result; does nothing when nobody waits for the search any more. */
  failBlast(input: BlastSearch & { reason: BlastFailure }): Promise<void>;
};

/** Workflow id of a search. */
export function blastWorkflowId({ analysisId, index, rid, ticket }: BlastSearch): string {
  return `blast-${analysisId}-${index}-${ticket ?? rid}`;
}

/** What went wrong and what to do, for users. */
export type BlastError = { message: string; advice: string };

const AGAIN = 'Start the BLAST again.';
const LATER = 'Try again later. If it goes on, have the connection of the server to NCBI checked.';

const FAILURES: Record<BlastFailure, BlastError> = {
  failed: {
    message: 'NCBI could not finish the BLAST.',
    advice: `${AGAIN} If it fails once more, use the web page of NCBI BLAST with the sequence of the contig.`,
  },
  unknown: { message: 'NCBI does not know this BLAST, or not any more.', advice: AGAIN },
  unreachable: { message: 'NCBI BLAST could not be reached.', advice: LATER },
  not_found: { message: 'NCBI BLAST was not found at its address.', advice: 'Have the option --blast-url checked.' },
  refused: { message: 'NCBI BLAST answered with an error.', advice: LATER },
  unreadable: { message: 'NCBI BLAST sent an answer that cannot be read.', advice: LATER },
  too_large: { message: 'NCBI BLAST sent an answer that is too large.', advice: LATER },
  too_slow: { message: 'NCBI did not finish the BLAST within a day.', advice: AGAIN },
  no_contig: { message: 'The contig of the BLAST is not there any more.', advice: 'Start the analysis again.' },
  stopped: { message: 'The BLAST was stopped.', advice: AGAIN },
  bug: {
    message: 'The server could not go on with the BLAST.',
    advice: `${AGAIN} If it fails once more, report it with the id of the analysis.`,
  },
};

/** The failure as users read it. */
export function blastError(reason: BlastFailure): BlastError {
  return FAILURES[reason];
}

/** The failure that trouble with an answer amounts to. */
export function blastTrouble(trouble: RemoteTrouble): BlastFailure {
  return trouble.reason === 'status' || trouble.reason === 'rate_limited' ? 'refused' : trouble.reason;
}
