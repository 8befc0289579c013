import { createHash } from 'node:crypto';

/** SHA-256 of a text of one byte per character, in hexadecimal. */
export function sha256(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('hex');
}
