/** Ready when the output holds this text. */
export function readyWhenSaid(text: string): (output: string) => boolean {
  return (output) => output.includes(text);
}
