/** Takes the lines of a tool's output; gives a fraction from 0 to 1 whenever it grew, else `undefined`. */
export type ProgressParser = (line: string) => number | undefined;

/** bowtie2-build's stdout: the blocks of the forward index, then those of the mirror index. */
export function bowtie2BuildProgress(): ProgressParser {
  let pass = 0;
  return growing((line) => {
    if (/^Total time for call to driver\(\) for forward index/.test(line)) {
      pass = 1;
      return 0.5;
    }
    if (/^Total time for backward call to driver\(\)/.test(line)) return 1;
    const block = /^Getting block (\d+) of (\d+)/.exec(line);
    return block ? (pass + (Number(block[1]) - 1) / Number(block[2])) / 2 : undefined;
  });
}

function growing(parse: ProgressParser): ProgressParser {
  let reached = 0;
  return (line) => {
    const fraction = Math.min(1, parse(line) ?? 0);
    if (fraction <= reached) return undefined;
    reached = fraction;
    return fraction;
  };
}
