/** A date in the form of the wire: six fraction digits, none when the second is whole. */
function formatDate(date: Date): string {
  const iso = date.toISOString();
  return iso.endsWith('.000Z') ? iso.replace('.000Z', 'Z') : iso.replace('Z', '000Z');
}

/** JSON text of a value, dates in the form of the wire. */
export function encodeJson(value: unknown): string {
  return JSON.stringify(value, function replace(this: Record<string, unknown>, key: string, given: unknown) {
    const original = this[key];
    return original instanceof Date ? formatDate(original) : given;
  });
}

/** A stored document in the form of the wire: `_id` becomes `id`. */
export function withId<T extends { _id: string }>(document: T): Omit<T, '_id'> & { id: string } {
  const { _id, ...rest } = document;
  return { id: _id, ...rest };
}
