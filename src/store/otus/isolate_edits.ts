import { randomId } from '../database/ids.js';
import type { ReferenceDocument } from '../references/references.js';
import type { ChangeOtu } from './otu_edits.js';
import type { Isolate, JoinedIsolate, JoinedOtu } from './otus.js';

/** What people say about an isolate. The type is stored in lower case. */
export type IsolateFields = Pick<Isolate, 'source_type' | 'source_name'>;

/** An isolate's name as texts have it: type and name, where there are both. */
export function isolateName({ source_type: type, source_name: name }: IsolateFields): string {
  if (!type || !name) return 'Unnamed Isolate';
  return `${type.charAt(0).toUpperCase()}${type.slice(1).toLowerCase()} ${name}`;
}

/** Whether isolates of the reference may have the type. An unknown one is always fine. */
export function allowsSourceType(
  reference: Pick<ReferenceDocument, 'restrict_source_types' | 'source_types'>,
  sourceType: string,
): boolean {
  const type = sourceType.toLowerCase();
  if (!reference.restrict_source_types || type === '' || type === 'unknown') return true;
  return reference.source_types.some((allowed) => allowed.toLowerCase() === type);
}

/** The isolate with this id. */
export function findIsolate(otu: Pick<JoinedOtu, 'isolates'>, isolateId: string): JoinedIsolate | undefined {
  return otu.isolates.find(({ id }) => id === isolateId);
}

/** Adds an isolate at the end; the first one is the default one whatever is asked for. */
export function addIsolate({ source_type, source_name, default: wanted }: IsolateFields & { default: boolean }) {
  const change: ChangeOtu = (otu) => {
    const isDefault = wanted || otu.isolates.length === 0;
    const isolate: JoinedIsolate = {
      source_type: source_type.toLowerCase(),
      source_name,
      default: isDefault,
      id: freshIsolateId(otu),
      sequences: [],
    };
    const others = isDefault ? otu.isolates.map((one) => withDefault(one, false)) : otu.isolates;
    return {
      otu: { ...otu, isolates: [...others, isolate] },
      method: 'add_isolate',
      description: `Added ${isolateName(isolate)}${isDefault ? ' as default' : ''}`,
    };
  };
  return change;
}

/** Changes type or name of an isolate. */
export function editIsolate(isolateId: string, fields: Partial<IsolateFields>): ChangeOtu {
  return (otu) => {
    const before = findIsolate(otu, isolateId);
    if (!before) return 'unknown';
    const { source_type: type = before.source_type, source_name: name = before.source_name } = fields;
    const after = { ...before, source_type: type.toLowerCase(), source_name: name };
    if (after.source_type === before.source_type && after.source_name === before.source_name) return 'unchanged';
    return {
      otu: { ...otu, isolates: otu.isolates.map((one) => (one === before ? after : one)) },
      method: 'edit_isolate',
      description: `Renamed ${isolateName(before)} to ${isolateName(after)}`,
    };
  };
}

/** Makes an isolate the default one. */
export function setDefaultIsolate(isolateId: string): ChangeOtu {
  return (otu) => {
    const isolate = findIsolate(otu, isolateId);
    if (!isolate) return 'unknown';
    const isolates = otu.isolates.map((one) => withDefault(one, one === isolate));
    if (isolates.every((one, index) => one === otu.isolates[index])) return 'unchanged';
    return {
      otu: { ...otu, isolates },
      method: 'set_as_default',
      description: `Set ${isolateName(isolate)} as default`,
    };
  };
}

/** Removes an isolate with its sequences; the first that is left takes over from a default one. */
export function removeIsolate(isolateId: string): ChangeOtu {
  return (otu) => {
    const isolate = findIsolate(otu, isolateId);
    if (!isolate) return 'unknown';
    const left = otu.isolates.filter((one) => one !== isolate);
    const heir = isolate.default ? left[0] : undefined;
    return {
      otu: { ...otu, isolates: left.map((one) => (one === heir ? withDefault(one, true) : one)) },
      method: 'remove_isolate',
      description: `Removed ${isolateName(isolate)}${heir ? ` and set ${isolateName(heir)} as default` : ''}`,
    };
  };
}

function withDefault(isolate: JoinedIsolate, isDefault: boolean): JoinedIsolate {
  return isolate.default === isDefault ? isolate : { ...isolate, default: isDefault };
}

function freshIsolateId(otu: JoinedOtu): string {
  let id = randomId();
  while (findIsolate(otu, id)) id = randomId();
  return id;
}
