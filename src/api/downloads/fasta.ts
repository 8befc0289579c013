import { writtenBases } from '../../store/otus/bases.js';
import { isolateName } from '../../store/otus/isolate_edits.js';
import type { JoinedIsolate, JoinedOtu } from '../../store/otus/otus.js';
import type { SequenceDocument } from '../../store/otus/sequences.js';
import { attachment } from './attachment.js';

/** Sequences of an OTU as FASTA: `>OTU|isolate|sequence id|length`, bases on one line, no line end at the end. */
export function formatFasta(otu: JoinedOtu, isolates: readonly JoinedIsolate[]): string {
  return isolates
    .flatMap((isolate) => isolate.sequences.map((sequence) => formatEntry(otu, isolate, sequence)))
    .join('\n');
}

/** A FASTA file to be saved; its name is made of the parts, in lower case. */
export function fastaResponse(content: string, nameParts: readonly string[]): Response {
  return new Response(content, {
    headers: {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Disposition': attachment(fileName(nameParts)),
    },
  });
}

function formatEntry(otu: JoinedOtu, isolate: JoinedIsolate, sequence: SequenceDocument): string {
  const header = [otu.name, isolateName(isolate), sequence._id, sequence.sequence.length].join('|');
  return `>${header.replace(/[\r\n]+/g, ' ')}\n${writtenBases(sequence.sequence)}`;
}

function fileName(parts: readonly string[]): string {
  const name = parts.join('.').toLowerCase();
  return `${name.replaceAll(' ', '_').replace(/[\p{Cc}/\\]/gu, '_')}.fa`;
}
