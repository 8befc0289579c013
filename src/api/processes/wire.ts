import { basename } from 'node:path';
import type { ProcessContext, ProcessDocument } from '../../store/processes.js';
import { withId } from '../http/json.js';

/** A process in the form of the wire: without what only the server needs, and without server paths. */
export function toWireProcess(process: ProcessDocument): Record<string, unknown> {
  const { done: _done, closing: _closing, ...shown } = process;
  return { ...withId(shown), context: withoutFolders(process.context) };
}

function withoutFolders(context: ProcessContext): ProcessContext {
  return typeof context.path === 'string' ? { ...context, path: `files/${basename(context.path)}` } : context;
}
