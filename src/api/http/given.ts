/** A body without the fields that were left out. */
export type Given<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** The fields of a body that were given. */
export function given<T extends object>(body: T): Given<T> {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as Given<T>;
}
