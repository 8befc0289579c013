/** The eight global permissions, in the order in which they are sent. */
export const PERMISSIONS = [
  'cancel_job',
  'create_ref',
  'create_sample',
  'modify_hmm',
  'modify_subtraction',
  'remove_file',
  'remove_job',
  'upload_file',
] as const;

/** Name of a global permission. */
export type Permission = (typeof PERMISSIONS)[number];

/** A complete map of the eight permissions. */
export type Permissions = Record<Permission, boolean>;

/** A complete map from a partial one; missing and non-boolean values become false. */
export function completePermissions(partial: Partial<Record<string, unknown>> | null | undefined): Permissions {
  return Object.fromEntries(PERMISSIONS.map((name) => [name, partial?.[name] === true])) as Permissions;
}
