import type { Audience } from '../../../src/api/dispatch/audiences.js';
import type { Rule } from '../../../src/api/http/right.js';
import type { Route } from '../../../src/api/http/route.js';
import type { Role } from './fixture.js';

/** What a request is answered with: signed out (401), forbidden (403) or anything else. */
export type Outcome = 401 | 403 | 'answered';

/** What the declaration of a route promises to somebody who asks for a private document; `job` says which of the two. */
export function expectedOutcome({ access, path, right }: Route, role: Role, job: 'sample' | 'reference'): Outcome {
  if (typeof access === 'object' && 'public' in access) return 'answered';
  if (!role.userId || (role.key && path.startsWith('/download/'))) return 401;
  if (!hasAccess(access, role)) return 403;
  return right && holds(right.rule, role, job) ? 'answered' : 403;
}

function hasAccess(access: Exclude<Route['access'], { public: string }>, role: Role): boolean {
  if (access === 'user') return true;
  if (access === 'session') return !role.key;
  if (access === 'administrator') return role.administrator === true;
  return role.administrator === true || role.permissions.includes(access.permission);
}

function holds(rule: Rule, role: Role, job: 'sample' | 'reference'): boolean {
  if (role.administrator) return true;
  switch (rule.on) {
    case 'reference':
      return rule.needs === 'read' ? role.member !== undefined : (role.member ?? []).includes(rule.needs);
    case 'sample':
      return rule.needs === 'owner' ? role.ownsSample === true : seesSample(role);
    case 'job':
      return role.runsJobs === true || (job === 'sample' ? seesSample(role) : role.member !== undefined);
    case 'process':
      return role.runsJobs === true || role.member !== undefined;
    default:
      return true;
  }
}

/** Whether somebody may read the private sample. */
export function seesSample(role: Role): boolean {
  return role.administrator === true || role.ownsSample === true || role.inSampleGroup === true;
}

/** Whether somebody may see what an interface sends of the private documents. */
export function seesMessage(rule: Audience['rule'], role: Role): boolean {
  if (role.administrator) return true;
  switch (rule) {
    case 'everyone':
      return true;
    case 'administrators':
    case 'user':
      return false;
    case 'sample':
      return seesSample(role);
    case 'file':
      return seesSample(role) || role.runsJobs === true;
    case 'job':
      return seesSample(role) || role.runsJobs === true;
    case 'reference':
      return role.member !== undefined;
    case 'process':
      return role.member !== undefined || role.runsJobs === true;
  }
}
