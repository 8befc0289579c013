const VERSION = /^v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

type Version = { numbers: number[]; preRelease: string[] };

/**
 * Compares two release names as semantic versions (semver.org, section 11), a leading `v` left out: negative when `a` is
 * older, positive when it is newer, undefined when one of them is no version.
 */
export function compareVersions(a: string, b: string): number | undefined {
  const [left, right] = [parseVersion(a), parseVersion(b)];
  if (!left || !right) return undefined;
  return compareLists(left.numbers, right.numbers, compareNumbers) || comparePreReleases(left, right);
}

function parseVersion(name: string): Version | undefined {
  const found = VERSION.exec(name.trim());
  if (!found) return undefined;
  const [, major, minor, patch, preRelease] = found;
  return { numbers: [Number(major), Number(minor), Number(patch)], preRelease: preRelease?.split('.') ?? [] };
}

// A version without a pre-release part is newer than the same one with it.
function comparePreReleases({ preRelease: a }: Version, { preRelease: b }: Version): number {
  if (a.length === 0 || b.length === 0) return compareNumbers(b.length, a.length);
  return compareLists(a, b, compareIdentifiers);
}

function compareLists<T>(a: readonly T[], b: readonly T[], compare: (a: T, b: T) => number): number {
  for (const [index, one] of a.entries()) {
    const other = b[index];
    if (other === undefined) return 1;
    const order = compare(one, other);
    if (order !== 0) return order;
  }
  return compareNumbers(a.length, b.length);
}

function compareIdentifiers(a: string, b: string): number {
  const [isNumberA, isNumberB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumberA && isNumberB) return compareNumbers(Number(a), Number(b));
  if (isNumberA !== isNumberB) return isNumberA ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareNumbers(a: number, b: number): number {
  return Math.sign(a - b);
}
