/**
 * Text of a double as the stored data and reports carry it: the shortest digits that read back as the same number,
 * `.0` on whole numbers, exponent form below 1e-4 and from 1e16 on (`9.5e-05`), `inf`, `-inf`, `nan`.
 */
export function formatFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  if (Number.isInteger(value) && Math.abs(value) < 1e16) return Object.is(value, -0) ? '-0.0' : `${value}.0`;

  const [mantissa = '', exponentText = ''] = value.toExponential().split('e');
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) {
    const digits = String(Math.abs(exponent)).padStart(2, '0');
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${digits}`;
  }
  // JavaScript itself changes to exponent form only below 1e-6.
  return String(value);
}

/**
 * Rounds to `digits` decimals (0 to 20). The decision is made on the exact binary value, an exact tie goes to the even
 * neighbour, and the result is the double nearest to the rounded decimal.
 */
export function roundHalfEven(value: number, digits = 0): number {
  // A double lies half-way between two decimals of d digits only if it is an odd multiple of 2^-(d+1).
  const scaled = value * 2 ** (digits + 1);
  if (!Number.isInteger(scaled) || scaled % 2 === 0) return Number(value.toFixed(digits));
  const below = Math.floor(value * 10 ** digits);
  return Number(`${below % 2 === 0 ? below : below + 1}e-${digits}`);
}

/** Order of two texts by Unicode code point (JavaScript's own order is by UTF-16 unit and differs beyond U+FFFF). */
export function compareCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}
