import type { Permission, Permissions } from '../../contracts/permissions.js';
import { notPermitted, type Refusal, requiresAdministrator, requiresSession } from './refusals.js';

/** Who sends a request: a signed-in user, by session or by API key. Rights are those of this moment. */
export type Caller = {
  via: 'session' | 'key';
  /** Id of the session document; only for sessions. */
  sessionId?: string;
  userId: string;
  administrator: boolean;
  groups: string[];
  permissions: Permissions;
};

const KEY_PATHS = /^\/(api|upload)(\/|$)/;

/** Whether API keys count on this path; elsewhere they are ignored. */
export function takesKeys(path: string): boolean {
  return KEY_PATHS.test(path);
}

/** Whether the caller may do what needs the permission; administrators may everything. */
function hasPermission(caller: Caller, permission: Permission): boolean {
  return caller.administrator || caller.permissions[permission];
}

/** Who may use a route: everybody, signed-in users, those of them who come by session and not by API key, administrators, permission. */
export type Access = { public: string } | 'user' | 'session' | 'administrator' | { permission: Permission };

/** The refusal of a caller that lacks the access, or undefined. A key never passes as administrator. */
export function refuseAccess(caller: Caller, access: Exclude<Access, { public: string }>): Refusal | undefined {
  if (access === 'user') return undefined;
  if (access === 'session') return caller.via === 'session' ? undefined : requiresSession();
  if (access === 'administrator') {
    return caller.administrator && caller.via === 'session' ? undefined : requiresAdministrator();
  }
  return hasPermission(caller, access.permission) ? undefined : notPermitted();
}
