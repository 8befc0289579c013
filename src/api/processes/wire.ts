import { basename } from 'node:path';
import type { ListedProcess, ProcessContext, ProcessDocument } from '../../store/processes.js';
import { withId } from '../http/json.js';

/** A process in the form of the wire: without what only the server needs, and without server paths. */
export function toWireProcess({ context, ...process }: ProcessDocument | ListedProcess): Record<string, unknown> {
  return { ...toProcessMessage(process), context: withoutFolders(context) };
}

/** A process in the form of messages: the same without what it works on. */
export function toProcessMessage(process: Omit<ProcessDocument, 'context'>): Record<string, unknown> {
  const { done: _done, closing: _closing, ...shown } = process;
  return { ...withId(shown), ...(process.errors ? { errors: errorsOf(process) } : {}) };
}

// Release 3.7.3 has plain sentences here.
function errorsOf({ type, errors = [] }: Omit<ProcessDocument, 'context'>): unknown[] {
  return ['install_hmms', 'remote_reference'].includes(type) ? errors.map((error) => error.message ?? error) : errors;
}

function withoutFolders(context: ProcessContext): ProcessContext {
  return typeof context.path === 'string' ? { ...context, path: `files/${basename(context.path)}` } : context;
}
