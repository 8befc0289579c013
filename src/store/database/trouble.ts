import { MongoError, MongoErrorLabel, MongoServerError } from 'mongodb';

const TROUBLE = new Set([
  'MongoNetworkError',
  'MongoNetworkTimeoutError',
  'MongoServerSelectionError',
  'MongoPoolClearedError',
  'MongoWaitQueueTimeoutError',
  'MongoOperationTimeoutError',
  'MongoTopologyClosedError',
  'MongoNotConnectedError',
  'MongoClientClosedError',
  'MongoWriteConcernError',
  'MongoExpiredSessionError',
]);
const LABELS = [
  MongoErrorLabel.RetryableWriteError,
  MongoErrorLabel.TransientTransactionError,
  MongoErrorLabel.UnknownTransactionCommitResult,
  MongoErrorLabel.ResetPool,
];
/** Time limits, write concern, shutdown, want of a primary, a full disk. */
const CODES = [6, 7, 50, 64, 89, 91, 112, 189, 262, 9001, 10_107, 11_600, 11_602, 13_435, 13_436, 14_031];

/** Whether the database or the way to it is in trouble, so that the same call may succeed later. */
export function isDatabaseTrouble(error: unknown): boolean {
  if (!(error instanceof MongoError)) return false;
  if (TROUBLE.has(error.name) || LABELS.some((label) => error.hasErrorLabel(label))) return true;
  return error instanceof MongoServerError && CODES.includes(Number(error.code));
}

/** MongoDB says with these that a document is too large, whoever asks again. */
const TOO_LARGE = [10_334, 17_419];

/** Whether a document is larger than MongoDB takes it. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof MongoServerError && TOO_LARGE.includes(Number(error.code));
}
