const MANTISSA_BITS = 52;
const EXPONENT_BIAS = 1023;
const SMALLEST_EXPONENT = -1022;
const LARGEST_EXPONENT = 1023;
/** Beyond these arguments the result is Infinity, or 0. */
const OVERFLOW_ABOVE = 709.8;
const UNDERFLOW_BELOW = -745.2;
/** Below this size exp(x) is nearer to 1 than to any other double. */
const ROUNDS_TO_ONE_BELOW = 2 ** -54;
/** Guard bits of the fixed-point work; its error stays far below 2^ERROR_BITS units of the last guard bit. */
const GUARD_BITS = 32;
const ERROR_BITS = 16n;

const view = new DataView(new ArrayBuffer(8));
const ln2ByBits = new Map<number, bigint>();

/**
 * exp(x), correctly rounded to the nearest double, over the whole range including subnormal results.
 *
 * `Math.exp` may be one unit in the last place off, and Pathoscope's stored values are compared to the last bit. This works in
 * fixed point with big integers (x = k ln 2 + r, Taylor series of e^r) and repeats with twice the bits while the
 * result lies too near to the middle between two doubles to be decided; e^x is never exactly there for x other than 0. A call
 * takes some microseconds: keep the result per distinct argument.
 */
export function exactExp(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  if (x > OVERFLOW_ABOVE) return Number.POSITIVE_INFINITY;
  if (x < UNDERFLOW_BELOW) return 0;
  if (Math.abs(x) < ROUNDS_TO_ONE_BELOW) return 1;
  for (let bits = 128; ; bits *= 2) {
    const result = tryExp(x, bits);
    if (result !== undefined) return result;
  }
}

/** exp(x) from `bits` fractional bits, or undefined if they do not decide how to round. */
function tryExp(x: number, bits: number): number | undefined {
  const precision = bits + GUARD_BITS;
  const one = 1n << BigInt(precision);
  const fixed = toFixedPoint(x, precision);
  const ln2 = ln2Fixed(precision);
  let k = fixed / ln2;
  if (fixed < 0n && k * ln2 !== fixed) k -= 1n;
  const r = fixed - k * ln2;

  // e^r = (e^(r/256))^256 keeps the series short.
  const small = r >> 8n;
  let term = one;
  let sum = one;
  for (let n = 1n; term !== 0n; n++) {
    term = ((term * small) >> BigInt(precision)) / n;
    sum += term;
  }
  for (let squaring = 0; squaring < 8; squaring++) sum = (sum * sum) >> BigInt(precision);
  return roundToDouble(sum, Number(k), precision);
}

/** The double nearest to mantissa * 2^(exponent - precision), mantissa being 1 to 2 in fixed point and slightly uncertain. */
function roundToDouble(mantissa: bigint, exponent: number, precision: number): number | undefined {
  if (exponent > LARGEST_EXPONENT) return Number.POSITIVE_INFINITY;
  const lostBits = Math.max(0, SMALLEST_EXPONENT - exponent);
  const shift = BigInt(precision - MANTISSA_BITS + lostBits);
  const half = 1n << (shift - 1n);
  const rest = mantissa & ((1n << shift) - 1n);
  const distance = rest > half ? rest - half : half - rest;
  if (distance >> ERROR_BITS === 0n) return undefined;
  const rounded = (mantissa >> shift) + (rest > half ? 1n : 0n);
  // A subnormal's bits are its mantissa. Otherwise the leading 1 of the mantissa adds 1 to the exponent field, and so does a carry.
  const exponentField = lostBits > 0 ? 0n : BigInt(exponent + EXPONENT_BIAS - 1) << BigInt(MANTISSA_BITS);
  view.setBigUint64(0, exponentField + rounded);
  return view.getFloat64(0);
}

/** x * 2^precision as an exact integer (x is at least 2^-54 in size, so its last bit is above 2^-107). */
function toFixedPoint(x: number, precision: number): bigint {
  view.setFloat64(0, Math.abs(x));
  const word = view.getBigUint64(0);
  const exponent = Number(word >> BigInt(MANTISSA_BITS)) - EXPONENT_BIAS;
  const mantissa = (word & ((1n << BigInt(MANTISSA_BITS)) - 1n)) | (1n << BigInt(MANTISSA_BITS));
  const shift = BigInt(precision + exponent - MANTISSA_BITS);
  const fixed = mantissa << shift;
  return x < 0 ? -fixed : fixed;
}

/** ln 2 = 18 artanh(1/26) - 2 artanh(1/4801) + 8 artanh(1/8749), in fixed point. */
function ln2Fixed(precision: number): bigint {
  const known = ln2ByBits.get(precision);
  if (known !== undefined) return known;
  const extra = precision + GUARD_BITS;
  const sum =
    18n * artanhOfInverse(26n, extra) - 2n * artanhOfInverse(4801n, extra) + 8n * artanhOfInverse(8749n, extra);
  const ln2 = sum >> BigInt(GUARD_BITS);
  ln2ByBits.set(precision, ln2);
  return ln2;
}

function artanhOfInverse(n: bigint, precision: number): bigint {
  let power = (1n << BigInt(precision)) / n;
  let sum = 0n;
  for (let odd = 1n; power !== 0n; odd += 2n) {
    sum += power / odd;
    power /= n * n;
  }
  return sum;
}
