import { createHash } from 'node:crypto';
import { compareCodePoints, formatFloat } from './numbers.js';

/** Name and version of the trimming program, as caches record it. */
export const TRIMMING_PROGRAM = 'skewer-0.2.2';

/** How reads are trimmed. Texts and numbers are kept apart as stored caches have them: they decide the hash. */
export type TrimmingParameters = {
  end_quality: string;
  /** `pe` for single-end reads (skewer takes it as tail trimming), `any` for pairs. */
  mode: 'pe' | 'any';
  max_error_rate: string;
  max_indel_rate: string;
  max_length: number | null;
  mean_quality: string;
  min_length: string | number;
};

/** A value that can be written as JSON. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** Parameters recorded for the trimmed reads of samples that are older than raw reads. */
export const LEGACY_TRIMMING_PARAMETERS = { program: 'skewer', m: 'pe', l: '20', q: '20', Q: '25' } as const;

/** The trimming parameters of a sample. Small-RNA samples keep reads of 20 to 22 bases only. */
export function trimmingParameters(sample: { paired: boolean; srna: boolean }): TrimmingParameters {
  return {
    end_quality: '20',
    mode: sample.paired ? 'any' : 'pe',
    max_error_rate: '0.1',
    max_indel_rate: '0.03',
    max_length: sample.srna ? 22 : null,
    mean_quality: '25',
    min_length: sample.srna ? 20 : '20',
  };
}

/** Identifies a set of parameters: SHA-1, in hexadecimal, of `formatSortedJson`. */
export function hashParameters(parameters: JsonValue): string {
  return createHash('sha1').update(formatSortedJson(parameters)).digest('hex');
}

/**
 * JSON with keys sorted by code point, `", "` and `": "` as separators and everything beyond ASCII escaped: the text that hashes in existing
 * databases were made of. A whole number has no decimal point.
 */
export function formatSortedJson(value: JsonValue): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number')
    return Number.isInteger(value) && Math.abs(value) < 1e16 ? String(value) : formatFloat(value);
  if (typeof value === 'string') return quote(value);
  if (isList(value)) return `[${value.map(formatSortedJson).join(', ')}]`;
  const entries = Object.entries(value).sort(([a], [b]) => compareCodePoints(a, b));
  return `{${entries.map(([key, item]) => `${quote(key)}: ${formatSortedJson(item)}`).join(', ')}}`;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function quote(text: string): string {
  return JSON.stringify(text).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
