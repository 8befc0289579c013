import type { PageRequest } from '../../src/store/database/pages.js';
import type { Store } from '../../src/store/index.js';

const bob = { userId: 'bob', administrator: false, groups: ['west', 'east'] };
const head = { userId: 'head', administrator: true, groups: [] };
const anySample = { pathoscope: [], nuvs: [] };

/** What users page through, by name. */
export const LISTS: Record<string, (store: Store, page: PageRequest) => Promise<unknown>> = {
  'all samples': (store, page) => store.samples.list(head, anySample, page),
  'the samples of a user': (store, page) => store.samples.list(bob, anySample, page),
  jobs: (store, page) => store.jobs.list({}, undefined, page),
  files: (store, page) => store.files.list(undefined, page),
  'files of a type': (store, page) => store.files.list('reads', page),
  'all OTUs': (store, page) => store.otus.list({ scope: 'all' }, page),
  'OTUs of a reference': (store, page) => store.otus.list({ scope: ['r'] }, page),
  'unverified OTUs of a reference': (store, page) => store.otus.list({ scope: ['r'], verified: false }, page),
  'all changes': (store, page) => store.history.list({ scope: 'all' }, page),
  'changes of a reference': (store, page) => store.history.list({ scope: ['r'] }, page),
  'unbuilt changes': (store, page) => store.history.list({ scope: 'all', unbuilt: true }, page),
  'unbuilt changes of a reference': (store, page) => store.history.list({ scope: ['r'], unbuilt: true }, page),
  'built changes of a reference': (store, page) => store.history.list({ scope: ['r'], unbuilt: false }, page),
  'changes of an index': (store, page) => store.history.ofIndex('i', undefined, page),
  'changes of an OTU, in pages': (store, page) => store.history.listOfOtu('o', page),
  'all references': (store, page) => store.references.list(head, undefined, page),
  'the references of a user': (store, page) => store.references.list(bob, undefined, page),
  users: (store, page) => store.users.list(undefined, page),
  subtractions: (store, page) => store.subtractions.list({}, page),
  HMMs: (store, page) => store.hmms.list(undefined, page),
  'all indexes': (store, page) => store.indexLists.list('all', page),
  'indexes of a reference': (store, page) => store.indexLists.list(['r'], page),
  'analyses of a sample': (store, page) => store.analyses.list('s', undefined, page),
};

/** Lists that come whole, what schedules ask for, and what is found by the id of what is removed. */
export const OTHERS: Record<string, (store: Store) => Promise<unknown>> = {
  'names of OTUs': (store) => store.otus.names(['r']),
  'changes of an OTU': (store) => store.history.ofOtu('o').toArray(),
  'sequences of OTUs, in order': (store) => store.sequences.ofOtus(['o', 'p']),
  'positions of sequences': (store) =>
    store.database.transaction((session) => store.sequences.positions(['o', 'p'], session)),
  'changed OTUs of an index': (store) => store.indexLists.changedOtus('i'),
  processes: (store) => store.processes.list({}),
  'keys of a user': (store) => store.keys.list('bob'),
  'caches of a sample': (store) => store.caches.ofSample('s'),
  'unbuilt changes, counted': (store) => store.history.countUnbuilt(['r']),
  'samples of a subtraction': (store) => store.samples.linkedTo('Vitis', head),
  'scheduled: unfinished jobs': (store) => store.jobs.unfinishedIds(),
  'scheduled: unfinished processes': (store) => store.processes.unfinished(),
  'scheduled: old processes': (store) => store.processes.prune(new Date(), 100),
  'scheduled: BLASTs': (store) => store.blast.waiting(),
  'scheduled: expired files': (store) => store.files.expired(new Date()),
  'scheduled: broken uploads': (store) => store.files.unfinished(new Date()),
  'scheduled: files of the watch folder': (store) => store.files.arriving(),
  'scheduled: files on disk': (store) => store.files.onDisk(),
  'scheduled: jobs that hold files': (store) => store.files.holders(),
  'clean-up: files of jobs': (store) => store.files.releaseAllOf(['j']),
  'clean-up: jobs of a sample': (store) => store.samples.unfinishedJobs('s'),
  'clean-up: analyses of a sample': (store) => store.analyses.ofSample('s'),
  'clean-up: a sample': (store) => store.samples.remove('s'),
  'clean-up: sessions of a user': (store) => store.sessions.closeAllOf('bob'),
  'clean-up: keys of a user': (store) => store.keys.removeAll('bob'),
  'clean-up: OTUs of a reference': (store) => store.otuRemovals.removeAll('r'),
  'clean-up: members of a group': (store) =>
    store.database.transaction((session) => store.users.settleMembers('west', session)),
};
