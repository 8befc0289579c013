/** Where a change happened: dotted text, or a list as soon as one part is a list index or holds a dot. `''` is the root. */
export type DiffPath = string | (string | number)[];

/**
 * One operation of a diff, as stored and as on the wire. For `add` and `remove` the path is the container, and each entry
 * is a key or list index with its value.
 */
export type DiffOperation =
  | ['change', DiffPath, [before: unknown, after: unknown]]
  | ['add' | 'remove', DiffPath, [key: string | number, value: unknown][]];

/** The operations that make the newer state of the older one, in the form of dictdiffer 0.8. */
export type OtuDiff = DiffOperation[];

type Container = Record<string, unknown> | unknown[];
type Key = string | number;

/**
 * The difference between two states. Lists are compared by position; keys common to both come first, in the order of the
 * older state, then what was added, then what was removed.
 */
export function diffStates(before: unknown, after: unknown): OtuDiff {
  return diffAt(before, after, []);
}

function diffAt(before: unknown, after: unknown, path: Key[]): OtuDiff {
  if (Array.isArray(before) && Array.isArray(after)) {
    const common = Math.min(before.length, after.length);
    const operations = range(0, common).flatMap((index) => diffAt(before[index], after[index], [...path, index]));
    const added = range(common, after.length).map((index): [Key, unknown] => [index, after[index]]);
    const removed = range(common, before.length).map((index): [Key, unknown] => [index, before[index]]);
    return [...operations, ...surplus('add', path, added), ...surplus('remove', path, removed.reverse())];
  }
  if (isRecord(before) && isRecord(after)) {
    const common = Object.keys(before).filter((key) => Object.hasOwn(after, key));
    const operations = common.flatMap((key) => diffAt(before[key], after[key], [...path, key]));
    return [
      ...operations,
      ...surplus('add', path, entriesMissing(after, before)),
      ...surplus('remove', path, entriesMissing(before, after)),
    ];
  }
  return isSame(before, after) ? [] : [['change', formatPath(path), [before, after]]];
}

function surplus(kind: 'add' | 'remove', path: Key[], entries: [Key, unknown][]): OtuDiff {
  return entries.length > 0 ? [[kind, formatPath(path), entries]] : [];
}

function entriesMissing(from: Record<string, unknown>, other: Record<string, unknown>): [Key, unknown][] {
  return Object.entries(from).filter(([key]) => !Object.hasOwn(other, key));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
}

function formatPath(path: Key[]): DiffPath {
  return path.every((part) => typeof part === 'string' && !part.includes('.')) ? path.join('.') : path;
}

// Python counts True and 1 as equal, and stored diffs rely on it.
function isSame(before: unknown, after: unknown): boolean {
  if (before instanceof Date && after instanceof Date) return before.getTime() === after.getTime();
  return comparable(before) === comparable(after);
}

function comparable(value: unknown): unknown {
  return typeof value === 'boolean' ? Number(value) : value;
}

/**
 * The older state, from the newer one and the diff between them; the newer one is left as it is. Undefined when the diff
 * says that there was no older state, as the diffs of imports and clones do.
 *
 * dictdiffer puts three or more removed list items back in the wrong order; here they return to where they were.
 */
export function revertDiff(state: unknown, diff: OtuDiff): unknown {
  let reverted = structuredClone(state);
  for (const operation of diff) {
    const parts = pathParts(operation[1]);
    if (operation[0] === 'change') reverted = setAt(reverted, parts, structuredClone(operation[2][0]));
    else if (operation[0] === 'add') removeEntries(containerAt(reverted, parts), operation[2]);
    else insertEntries(containerAt(reverted, parts), operation[2]);
  }
  return reverted ?? undefined;
}

function pathParts(path: DiffPath): Key[] {
  if (Array.isArray(path)) return path;
  return path === '' ? [] : path.split('.');
}

function setAt(root: unknown, parts: Key[], value: unknown): unknown {
  const last = parts.at(-1);
  if (last === undefined) return value;
  const parent = containerAt(root, parts.slice(0, -1));
  if (Array.isArray(parent)) parent[Number(last)] = value;
  else parent[String(last)] = value;
  return root;
}

function removeEntries(container: Container, entries: [Key, unknown][]): void {
  if (Array.isArray(container)) {
    const indexes = entries.map(([index]) => Number(index)).sort((a, b) => b - a);
    for (const index of indexes) container.splice(index, 1);
    return;
  }
  for (const [key] of entries) delete container[String(key)];
}

function insertEntries(container: Container, entries: [Key, unknown][]): void {
  if (Array.isArray(container)) {
    const ordered = entries.toSorted(([a], [b]) => Number(a) - Number(b));
    for (const [index, value] of ordered) container.splice(Number(index), 0, structuredClone(value));
    return;
  }
  for (const [key, value] of entries) container[String(key)] = structuredClone(value);
}

function containerAt(root: unknown, parts: Key[]): Container {
  let current = root;
  for (const part of parts) current = isContainer(current) ? (current as Record<Key, unknown>)[part] : undefined;
  if (!isContainer(current)) throw new Error(`The diff does not fit the OTU: nothing at ${JSON.stringify(parts)}`);
  return current;
}

function isContainer(value: unknown): value is Container {
  return Array.isArray(value) || isRecord(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
