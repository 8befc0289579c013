import type { Caller } from './caller.js';
import type { Refusal } from './refusals.js';

/** What a caller needs on the thing that a path names, in words that the table of rights uses. */
export type Rule =
  /** Belongs to no sample or reference and is for everybody who may use the route; `why` gives the reason. */
  | { on: 'nothing'; why: string }
  /** The caller's own account, whatever the request says. */
  | { on: 'account' }
  /** A list that holds only what the caller may read. */
  | { on: 'list'; of: 'references' | 'samples' | 'jobs' | 'processes' }
  | { on: 'reference'; needs: 'read' | 'build' | 'modify' | 'modify_otu' | 'remove' }
  | { on: 'sample'; needs: 'read' | 'write' | 'owner' }
  /** What the body names, each as the single route of its kind asks for it. */
  | { on: 'body'; needs: string }
  | { on: 'job' }
  | { on: 'process' };

/** What of a request a right depends on. */
export type RightRequest = { caller: Caller; params: Record<string, string> };

/**
 * The right that a route needs beside its access. It is looked at before the handler, which gets the subject: what the path names, or
 * what a list has to be limited to.
 */
export type Right<Subject> = {
  rule: Rule;
  /** The subject when the caller holds the right, else the refusal: 404 when there is none, 403 when the right is missing. */
  find(request: RightRequest): Promise<Subject | Refusal>;
};

/** No right: what the route shows or changes belongs to no sample and no reference. `why` gives the reason. */
export function common(why: string): Right<undefined> {
  return { rule: { on: 'nothing', why }, find: async () => undefined };
}

/** No right: the route is about the caller's own account alone. */
export const ofAccount: Right<undefined> = { rule: { on: 'account' }, find: async () => undefined };

/** The handler looks at every sample and reference that the body names; `needs` says for which rights. */
export function ofBody(needs: string): Right<undefined> {
  return { rule: { on: 'body', needs }, find: async () => undefined };
}
