import type { HistoryListItem } from '../../store/history/history.js';
import { findIssues } from '../../store/otus/otu_issues.js';
import type { JoinedIsolate, JoinedOtu } from '../../store/otus/otus.js';
import { withId } from '../http/json.js';

/** An isolate in the form of the wire: its sequences without the ids of isolate and OTU. */
export function toWireIsolate(isolate: JoinedIsolate): Record<string, unknown> {
  const sequences = isolate.sequences.map(({ otu_id: _otu, isolate_id: _isolate, ...sequence }) => withId(sequence));
  return { ...isolate, sequences };
}

/** An OTU as its details are sent: with isolates and sequences, the newest unbuilt change and what is wrong with it now. */
export function toWireOtu(otu: JoinedOtu, newestUnbuilt: HistoryListItem | null): Record<string, unknown> {
  const { lower_name: _, ...shown } = otu;
  return {
    ...withId(shown),
    isolates: otu.isolates.map(toWireIsolate),
    issues: findIssues(otu),
    most_recent_change: newestUnbuilt && toWireRecentChange(newestUnbuilt),
  };
}

function toWireRecentChange({ reference: _reference, index: _index, ...change }: HistoryListItem) {
  return withId(change);
}
