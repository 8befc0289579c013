import { formatFloat } from './numbers.js';

/** One accepted alignment of a read to a reference sequence: what a VTA line holds. */
export type Alignment = {
  read: string;
  reference: string;
  /** 1-based leftmost position on the reference. */
  position: number;
  /** Length of the whole read in bases, soft-clipped ends included. */
  length: number;
  /** p-score: alignment score plus read length. */
  score: number;
};

/**
 * Reads a VTA line, `read,reference,position,length,score`, with or without its line feed. The last four fields are the ones
 * behind the last four commas, so a read name may hold commas; a reference name may not. Throws on anything else.
 * The texts of the result may share memory with the line.
 */
export function parseVtaLine(line: string): Alignment {
  const scoreAt = line.lastIndexOf(',') + 1;
  const lengthAt = line.lastIndexOf(',', scoreAt - 2) + 1;
  const positionAt = line.lastIndexOf(',', lengthAt - 2) + 1;
  const referenceAt = line.lastIndexOf(',', positionAt - 2) + 1;
  if (referenceAt < 1 || positionAt <= referenceAt + 1 || lengthAt <= positionAt || scoreAt <= lengthAt)
    throw badLine(line);
  const position = parseWhole(line, positionAt, lengthAt - 1);
  const length = parseWhole(line, lengthAt, scoreAt - 1);
  const scoreText = line.slice(scoreAt);
  const score = Number(scoreText);
  if (position < 0 || length < 0 || !Number.isFinite(score) || scoreText.trim() === '') throw badLine(line);
  return {
    read: line.slice(0, referenceAt - 1),
    reference: line.slice(referenceAt, positionAt - 1),
    position,
    length,
    score,
  };
}

/** The VTA line of an alignment, line feed included. Throws on a reference name with a comma: the line could not be read back. */
export function formatVtaLine({ read, reference, position, length, score }: Alignment): string {
  if (reference.includes(',')) throw new Error(`The reference name '${reference}' holds a comma`);
  return `${read},${reference},${position},${length},${formatFloat(score)}\n`;
}

/** The whole number in characters start to end of a text, or -1 if anything else stands there. */
function parseWhole(text: string, start: number, end: number): number {
  if (end <= start || end - start > 15) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function badLine(line: string): Error {
  return new Error(`Not a VTA line (read,reference,position,length,score): '${line.slice(0, 200)}'`);
}
