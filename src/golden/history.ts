import * as v from 'valibot';
import { type HistoryDocument, nameWithAbbreviation } from '../store/history/history.js';
import { diffStates, type OtuDiff, revertDiff } from '../store/history/otu_diff.js';
import { patchOtu } from '../store/history/otu_versions.js';
import { changedFields, describeOtuEdit, type OtuFields } from '../store/otus/otu_field_edits.js';
import type { JoinedOtu } from '../store/otus/otus.js';
import type { VectorFolder } from './folder.js';
import { isMisordered } from './original_form.js';

const Otu = v.custom<JoinedOtu>(isRecord);
const Change = v.custom<HistoryDocument>((value) => isRecord(value) && isRecord(value.otu));
/** What a change was, less the difference that it made. */
const Event = v.pipe(
  Change,
  v.transform(({ diff: _, ...event }) => event),
);
const Chain = v.object({
  otu: v.string(),
  removed: v.boolean(),
  documents: v.pipe(v.array(Otu), v.minLength(1)),
  history: v.array(Event),
  patches: v.array(v.object({ version: v.number() })),
});
const Source = v.object({ otus: v.array(Otu), history: v.array(Change) });
const Fixtures = v.object({
  edit: v.object({ name: v.string(), before: Otu, after: Otu }),
  history: Source,
  history_with_removal: Source,
  patched: v.array(v.object({ source: v.picklist(['history', 'history_with_removal']), version: v.number() })),
});
const Named = v.object({ name: v.string(), abbreviation: v.exactOptional(v.string()) });
const FirstNamed = v.pipe(
  v.looseTuple([Named]),
  v.transform(([otu]) => otu),
);
const Text = v.nullish(v.string());
const Schema = v.nullish(v.custom<NonNullable<OtuFields['schema']>>(Array.isArray));
const Fields = v.object({ name: Text, abbreviation: Text, schema: Schema });
const Descriptions = v.object({
  create: v.array(FirstNamed),
  remove: v.array(FirstNamed),
  edit: v.array(v.object({ ...Fields.entries, old_abbreviation: v.string() })),
  evaluate_changes: v.array(
    v.object({
      data: Fields,
      document: v.custom<Parameters<typeof changedFields>[0]>(isRecord),
    }),
  ),
});

/** `otu_chains.jsonl`: the changes between an OTU's versions, and each version found again from its last state. */
export async function writeChains(folder: VectorFolder, file: string): Promise<void> {
  const chains = await folder.jsonLines(file, Chain);
  await folder.writeJsonLines(file, chains.map(chainDocument), file);
}

function chainDocument({ otu, removed, documents, history: events, patches }: v.InferOutput<typeof Chain>) {
  const history = events.map((event) => ({ ...event, diff: diffOf(event.otu, documents) }));
  const current = removed ? undefined : documents.at(-1);
  return {
    ...{ otu, removed, documents, history },
    patches: patches.map(({ version }) => {
      const found = patchOtu(current, newestFirst(history), version);
      const patch = { version, reverted_history_ids: found.revertedIds };
      const passed = new Set(found.revertedIds);
      // The original's wrong state is not ours: see the reason at isMisordered.
      if (history.some((change) => passed.has(change._id) && isMisordered(change))) return patch;
      return { ...patch, restores: isSame(found.otu, documents[version]), patched: found.otu };
    }),
  };
}

/** `upstream_fixtures.json`: one edit, and two histories patched to their versions. */
export async function writeFixtures(folder: VectorFolder, file: string): Promise<void> {
  const { edit, patched, ...sources } = await folder.json(file, Fixtures);
  const { before, after } = edit;
  const diff = diffStates(before, after);
  const reverted = revertDiff(after, diff);
  const document = {
    edit: { ...edit, diff, reverted, revert_restores: isSame(reverted, before) },
    ...sources,
    patched: patched.map(({ source, version }) => {
      const { otus, history } = sources[source];
      const found = patchOtu(otus[0], newestFirst(history), version);
      return { source, version, patched: found.otu, reverted_history_ids: found.revertedIds };
    }),
  };
  await folder.writeJson(file, document, file);
}

/** `descriptions.json`: sentences about changes, and what counts as one. */
export async function writeDescriptions(folder: VectorFolder, file: string): Promise<void> {
  const { create, remove, edit, evaluate_changes } = await folder.json(file, Descriptions);
  const document = {
    create: create.map((otu) => [otu, `Created ${nameWithAbbreviation(otu)}`]),
    remove: remove.map((otu) => [otu, `Removed ${nameWithAbbreviation(otu)}`]),
    edit: edit.map((change) => ({
      ...change,
      description: describeOtuEdit(fieldsOf(change), change.old_abbreviation) ?? null,
    })),
    evaluate_changes: evaluate_changes.map(({ data, document: otu }) => {
      const { name = null, abbreviation = null, schema = null } = changedFields(otu, fieldsOf(data));
      return { data, document: otu, result: [name, abbreviation, schema] };
    }),
  };
  await folder.writeJson(file, document, file);
}

/** The difference that led to a version. The first change and the last hold the whole OTU. */
function diffOf({ version }: HistoryDocument['otu'], states: readonly JoinedOtu[]): OtuDiff | JoinedOtu {
  if (typeof version === 'number' && version > 0) return diffStates(states[version - 1], states[version]);
  return (version === 0 ? states[0] : states.at(-1)) as JoinedOtu;
}

function newestFirst(history: readonly HistoryDocument[]): HistoryDocument[] {
  const rank = ({ otu: { version } }: HistoryDocument) => (version === 'removed' ? Number.POSITIVE_INFINITY : version);
  return history.toSorted((a, b) => (rank(a) === rank(b) ? 0 : rank(b) - rank(a)));
}

/** What a request with these values asks for: texts are trimmed, and null counts as absent. */
function fieldsOf({ name, abbreviation, schema }: v.InferOutput<typeof Fields>): OtuFields {
  return {
    ...(typeof name === 'string' ? { name: name.trim() } : {}),
    ...(typeof abbreviation === 'string' ? { abbreviation: abbreviation.trim() } : {}),
    ...(schema ? { schema } : {}),
  };
}

function isSame(a: unknown, b: unknown): boolean {
  return diffStates(a, b).length === 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
