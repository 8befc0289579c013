import type { Store } from '../../src/store/index.js';
import type { ChangeOtu } from '../../src/store/otus/otu_edits.js';
import type { JoinedOtu } from '../../src/store/otus/otus.js';
import { referenceOf } from './references.js';

/** Makes edits that must succeed, all by `bob`. */
export type Editor = ReturnType<typeof editorOf>;

/** An editor on a store. */
export function editorOf(store: Store) {
  return {
    /** A blank reference of `bob`; gives its id. */
    async addReference(): Promise<string> {
      const reference = referenceOf();
      await store.references.insert(reference);
      return reference._id;
    },

    /** A new OTU without isolates. */
    async create(referenceId: string, name: string, abbreviation = ''): Promise<JoinedOtu> {
      const outcome = await store.otuEdits.create({ referenceId, name, abbreviation, schema: [] }, 'bob');
      if (!outcome.ok) throw new Error(outcome.reason);
      return outcome.otu;
    },

    /** The OTU after a change. */
    async change(otuId: string, change: ChangeOtu): Promise<JoinedOtu> {
      const outcome = await store.otuEdits.change(otuId, 'bob', change);
      if (!outcome.ok) throw new Error(outcome.reason);
      return outcome.otu;
    },

    /** Removes the OTU. */
    async remove(otuId: string): Promise<void> {
      const outcome = await store.otuEdits.remove(otuId, 'bob');
      if (!outcome.ok) throw new Error(outcome.reason);
    },

    /** Reverts a change; gives why not, or `ok`. */
    async revert(changeId: string): Promise<string> {
      const change = await store.history.get(changeId);
      if (!change) return 'unknown';
      const outcome = await store.historyReverts.revert(change);
      return outcome.ok ? 'ok' : outcome.reason;
    },

    /** The sentences of an OTU's history, oldest first. */
    async sentences(otuId: string): Promise<string[]> {
      return (await store.history.ofOtu(otuId).toArray()).map(({ description }) => description);
    },
  };
}
