import type { CloneReferenceActivities, ProcessInput } from '../../contracts/processes.js';
import { type OtuAtVersion, versionKey } from '../../store/history/otu_versions.js';
import type { SourceOtu } from '../../store/otus/otu_copies.js';
import type { JoinedOtu } from '../../store/otus/otus.js';
import type { ActivityDeps } from '../deps.js';
import { type NoteOffset, openProcess, requireReference, runProcess, unusableInput } from '../process_support.js';
import { copyOtus, undoCopy } from './otu_copying.js';

const COPY_RANGE = { start: 0, width: 0.5 };
const BATCH = 200;

/** Copy of a reference. */
export function createCloneReferenceActivities(deps: ActivityDeps): CloneReferenceActivities {
  return {
    cloneReference: (input) => runProcess((signal, note) => clone(deps, input, signal, note)),
    undoCloneReference: ({ processId, errors }) => runProcess(() => undoCopy(deps, processId, errors)),
  };
}

async function clone(
  deps: ActivityDeps,
  { processId }: ProcessInput,
  signal: AbortSignal,
  note: NoteOffset,
): Promise<void> {
  const process = await openProcess(deps, processId);
  if (!process) return;
  const { _id: referenceId, created_at: createdAt, user } = await requireReference(deps, process.context.ref_id);
  const manifest = Object.entries(process.context.manifest ?? {}).map(([id, version]) => ({ id, version }));
  manifest.sort((a, b) => (a.id < b.id ? -1 : 1));
  const done = process.done ?? 0;
  const task = {
    processId,
    target: { method: 'clone' as const, referenceId, userId: user.id, createdAt },
    otus: sources(deps, manifest.slice(done)),
    done,
    total: manifest.length,
    step: 'copy_otus',
    range: COPY_RANGE,
    note,
  };
  await copyOtus(deps, task, signal);
  await deps.store.processes.complete(processId, 'create_history');
  deps.log.info({ processId, referenceId, otus: manifest.length }, 'reference cloned');
}

/** The OTUs as they were when the clone was asked for. */
async function* sources(deps: ActivityDeps, wanted: readonly OtuAtVersion[]): AsyncGenerator<SourceOtu> {
  for (let start = 0; start < wanted.length; start += BATCH) {
    const batch = wanted.slice(start, start + BATCH);
    const found = await deps.store.otuVersions.getOtusAtVersions(batch);
    for (const pair of batch) {
      const otu = found.get(versionKey(pair));
      if (!otu)
        throw unusableInput([{ id: 'unhandled', message: `OTU ${pair.id} of the source is not there any more` }]);
      yield toSource(otu);
    }
  }
}

// A clone keeps the ids of the release that its source came from, so that both can be compared with it.
function toSource(otu: JoinedOtu): SourceOtu {
  return {
    name: otu.name,
    abbreviation: otu.abbreviation,
    schema: otu.schema,
    remoteId: otu.remote?.id ?? otu._id,
    isolates: otu.isolates.map(({ id, source_type, source_name, default: isDefault, sequences }) => ({
      id,
      source_type,
      source_name,
      default: isDefault,
      sequences: sequences.map(({ _id, accession, definition, host, segment, sequence, remote }) => ({
        accession,
        definition,
        host,
        segment: segment ?? null,
        sequence,
        remoteId: remote?.id ?? _id,
      })),
    })),
  };
}
