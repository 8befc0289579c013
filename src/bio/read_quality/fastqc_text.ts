/** FastQC's verdict on a module. */
export type ModuleStatus = 'pass' | 'warn' | 'fail';

/** A module of `fastqc_data.txt`: its name, verdict (none where nobody judges) and lines. */
export function formatModule(name: string, status: ModuleStatus | undefined, lines: readonly string[]): string {
  const title = status === undefined ? name : `${name}\t${status}`;
  return `>>${title}\n${lines.map((line) => `${line}\n`).join('')}>>END_MODULE\n`;
}

/** The verdict on the worst of the values: `fail` and `warn` are the limits that it must be above. A value that is no number is passed over. */
export function judge(values: Iterable<number>, limits: { warn: number; fail: number }): ModuleStatus {
  let status: ModuleStatus = 'pass';
  for (const value of values) {
    if (value > limits.fail) return 'fail';
    if (value > limits.warn) status = 'warn';
  }
  return status;
}

/** From these on Java writes `1.0E7` and `9.9E-4`. */
const LARGE = 1e7;
const SMALL = 1e-3;
const EXPONENT_BITS = 0x7ff0000000000000n;
const FRACTION_BITS = 0x000fffffffffffffn;
const BIAS = 1075n;

/** A double as Java up to 18 writes it: the digits of JavaScript but for powers of two, of which it may write one more. */
export function formatDouble(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value < 0 ? '-Infinity' : 'Infinity';
  const size = Math.abs(value);
  if (size === 0 || (size >= SMALL && size < LARGE)) {
    const text = Object.is(value, -0) ? '-0' : String(value);
    return Number.isInteger(value) ? `${text}.0` : text;
  }
  const [mantissa = '', exponent = ''] = exponentForm(size).split('e');
  return `${value < 0 ? '-' : ''}${mantissa.includes('.') ? mantissa : `${mantissa}.0`}E${Number(exponent)}`;
}

function exponentForm(size: number): string {
  const bits = new BigUint64Array(new Float64Array([size]).buffer)[0] as bigint;
  const isPowerOfTwo = (bits & FRACTION_BITS) === 0n && size < 1;
  if (!isPowerOfTwo) return size.toExponential();
  // Java takes the distance to the smaller neighbour for that to the larger one as well: the fewest digits that come closer than half of it.
  const halfStep = 2 ** (Number((bits & EXPONENT_BITS) >> 52n) - Number(BIAS) - 2);
  for (let digits = 1; digits < 20; digits++) {
    const text = size.toExponential(digits);
    if (isCloser(text, size, halfStep)) return text;
  }
  return size.toExponential(20);
}

/** Whether a decimal lies less than `distance` from a number; both are powers of two below 1. */
function isCloser(text: string, size: number, distance: number): boolean {
  const [mantissa = '', exponent = ''] = text.split('e');
  const digits = BigInt(mantissa.replace('.', ''));
  // All three as whole numbers: times 10^places and 2^shift.
  const places = BigInt(mantissa.length - 2 - Number(exponent));
  const shift = BigInt(-Math.log2(distance));
  const scale = 10n ** places;
  const number = scale << BigInt(Math.log2(size) - Math.log2(distance));
  const difference = (digits << shift) - number;
  return (difference < 0n ? -difference : difference) < scale;
}
