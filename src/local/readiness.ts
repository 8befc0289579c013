/** Ready when the output holds this text. */
export function readyWhenSaid(text: string): (output: string) => boolean {
  return (output) => output.includes(text);
}

/** Ready when the address answers with a status below 400. */
export function readyWhenAnswers(url: string): () => Promise<boolean> {
  return async () => {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      // Not listening yet; the caller asks again until its limit.
      return false;
    }
  };
}
