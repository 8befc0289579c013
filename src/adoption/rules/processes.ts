import { isProcessType } from '../../contracts/processes.js';
import type { ProcessDocument } from '../../store/processes.js';
import { eachDocument, idIn, type Loose } from '../documents.js';
import type { Rule, Site } from '../rule.js';

/** Processes of this server note how much is done, and its reconciler takes care of them. */
const LEFT = { complete: false, done: { $exists: false }, 'errors.0': { $exists: false } };

/** Release 3.7.3 took up no process again, and forgot to note the end of some. */
export const unfinishedProcesses: Rule = {
  name: 'unfinished_processes',
  title: 'Processes that nobody works on',
  action: 'complete when all was done, go on when a reference is being removed, else fail; half references stay',
  async *find(site) {
    const { store } = site;
    const left = eachDocument(store.processes.collection, LEFT, { type: 1, progress: 1, context: 1 });
    for await (const process of left) yield { id: process._id, repair: () => end(site, process) };
  },
};

async function end({ store }: Site, { _id, type, progress, context }: ProcessDocument): Promise<void> {
  const { processes, hmmStatus, references } = store;
  const left = { _id, ...LEFT } as object;
  if (progress >= 1) return void (await processes.collection.updateOne(left, { $set: { complete: true } }));
  const referenceId = context?.ref_id;
  if (type === 'delete_reference' && referenceId !== undefined && !(await references.get(referenceId))) {
    // From now on it is one of this server, which does it from the begin.
    return void (await processes.collection.updateOne(left, { $set: { done: 0 } }));
  }
  const errors = [{ id: 'unfinished', message: messageOf(type) }];
  if (type === 'install_hmms') await hmmStatus.fail(_id, errors);
  else await processes.fail(_id, errors);
}

function messageOf(type: string): string {
  const stopped = 'Release 3.7.3 was stopped before this process had ended.';
  if (!isProcessType(type)) return stopped;
  const advice = {
    import_reference: 'The reference may lack OTUs: remove it and import the file again.',
    clone_reference: 'The clone may lack OTUs: remove it and make another.',
    remote_reference: 'The reference may lack OTUs: remove it and install it again.',
    update_remote_reference: 'The reference may be half updated: update it again.',
    delete_reference: 'Remove the reference again.',
    install_hmms: 'Install the HMM data again.',
  };
  return `${stopped} ${advice[type]}`;
}

/** References that were being updated when release 3.7.3 ended refuse every other update. */
export const stuckUpdates: Rule = {
  name: 'stuck_updates',
  title: 'References that are being updated for ever',
  action: 'can be updated again',
  async *find({ store }) {
    const references = store.database.collection<Loose>('references');
    for await (const { _id, process } of eachDocument(references, { updating: true }, { process: 1 })) {
      const processId = idIn(process);
      if (processId !== undefined && (await store.processes.isRunning(processId))) continue;
      const repair = async () => void (await references.updateOne({ _id }, { $set: { updating: false } }));
      yield { id: _id, repair };
    }
  },
};
