/** Why a file that a user gave is refused. */
export type InputProblem<Code extends string = string> = {
  /** Names the kind of problem; stable. */
  code: Code;
  /** For the user: what is wrong, where, and what to do. */
  message: string;
  /** 1-based line, where one line is to blame. */
  line?: number;
  /** 1-based number of the record (read or sequence), where one record is to blame. */
  record?: number;
};

/** A character for a message: itself if it can be printed, else its value. */
export function showByte(byte: number): string {
  return byte > 32 && byte < 127 ? `'${String.fromCharCode(byte)}'` : `byte 0x${byte.toString(16).padStart(2, '0')}`;
}

/** Names a file format by its first bytes, if it is one that people upload by mistake. */
export function recognizeFormat(start: Uint8Array): string | undefined {
  const beginsWith = (...bytes: number[]) => bytes.every((byte, i) => start[i] === byte);
  if (beginsWith(0x1f, 0x8b)) return 'a gzip file inside another one; compress it only once';
  if (beginsWith(0x50, 0x4b, 3, 4)) return 'a zip archive; unpack it first, or use gzip';
  if (beginsWith(0x42, 0x5a, 0x68)) return 'a bzip2 file; use gzip instead';
  if (beginsWith(0xfd, 0x37, 0x7a, 0x58, 0x5a)) return 'an xz file; use gzip instead';
  if (beginsWith(0x42, 0x41, 0x4d, 1)) return 'a BAM file; convert it with "samtools fastq"';
  if (beginsWith(0xef, 0xbb, 0xbf)) return 'text with a byte order mark; save it without one';
  if (beginsWith(0x25, 0x50, 0x44, 0x46)) return 'a PDF file';
  return undefined;
}

/** A table over all byte values: 1 for those in the text. */
export function byteTable(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of Buffer.from(characters, 'latin1')) table[byte] = 1;
  return table;
}
