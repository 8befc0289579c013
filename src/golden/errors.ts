/** Vectors or an output folder that cannot be used; the message says which file, what is wrong and what to do. */
export class VectorError extends Error {
  override name = 'VectorError';
}

/** The message of an error without its stack; anything else as text. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
