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

/** How many bytes `recognizeFormat` wants to see, if the file has so many. */
export const FORMAT_BYTES = 1024;

/** First bytes of files that people upload by mistake (Latin-1), and what such a file is. */
const FORMATS: readonly (readonly [start: string, name: string])[] = [
  ['\x1f\x8b', 'a gzip file inside another one; compress it only once'],
  ['PK\x03\x04', 'a zip archive; unpack it first, or use gzip'],
  ['PK\x05\x06', 'an empty zip archive'],
  ['BZh', 'a bzip2 file; use gzip instead'],
  ['\xfd7zXZ', 'an xz file; use gzip instead'],
  ['\x28\xb5\x2f\xfd', 'a Zstandard file; use gzip instead'],
  ['7z\xbc\xaf\x27\x1c', 'a 7-Zip archive; unpack it first, or use gzip'],
  ['Rar!', 'a RAR archive; unpack it first, or use gzip'],
  ['BAM\x01', 'a BAM file; convert it with "samtools fastq"'],
  ['CRAM', 'a CRAM file; convert it with "samtools fastq"'],
  ['@HD\tVN:', 'a SAM file; convert it with "samtools fastq"'],
  ['@SQ\tSN:', 'a SAM file; convert it with "samtools fastq"'],
  ['NCBI.sra', 'an SRA archive; convert it with "fasterq-dump --split-files"'],
  ['\x89HDF', 'an HDF5 file, as FAST5 is; convert it into FASTQ with a basecaller'],
  ['\x8bPOD', 'a POD5 file; convert it into FASTQ with a basecaller'],
  ['.sff', 'an SFF file; convert it into FASTQ'],
  ['ABIF', 'a trace file of a capillary sequencer'],
  ['\xff\xfe', 'text in UTF-16; save it as plain text (ASCII or UTF-8)'],
  ['\xfe\xff', 'text in UTF-16; save it as plain text (ASCII or UTF-8)'],
  ['\xef\xbb\xbf', 'text with a byte order mark; save it without one'],
  ['%PDF', 'a PDF file'],
];

/** Names a file format by its first bytes, if it is one that people upload by mistake. */
export function recognizeFormat(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, FORMAT_BYTES)).toString('latin1');
  const known = FORMATS.find(([signature]) => start.startsWith(signature));
  if (known) return known[1];
  // Without a byte order mark every second byte of a Latin text is zero.
  if (/^(?:[\t\n\r -~]\0){4}|^(?:\0[\t\n\r -~]){4}/.test(start)) {
    return 'text in UTF-16; save it as plain text (ASCII or UTF-8)';
  }
  if (/^\s*<(?:!doctype html|html|head|body|!--)/i.test(start)) {
    return 'a web page (HTML), perhaps the error or sign-in page of the server it was fetched from; fetch the file again';
  }
  if (/^\s*<\?xml/i.test(start)) {
    return 'an XML document, perhaps the error message of the server it was fetched from; fetch the file again';
  }
  if (isTar(start)) return 'a tar archive; unpack it and choose the files in it';
  return undefined;
}

const TAR_BLOCK = 512;
const TAR_CHECKSUM = [148, 156] as const;

/** A tar file begins with a block that names its first member; old ones have no magic but the checksum of that block. */
function isTar(start: string): boolean {
  if (start.length < TAR_BLOCK) return false;
  if (start.startsWith('ustar', 257)) return true;
  const noted = /^ *([0-7]{4,7})[ \0]+$/.exec(start.slice(...TAR_CHECKSUM))?.[1];
  if (noted === undefined) return false;
  const header = start.slice(0, TAR_CHECKSUM[0]) + ' '.repeat(8) + start.slice(TAR_CHECKSUM[1], TAR_BLOCK);
  return Array.from(header).reduce((sum, character) => sum + character.charCodeAt(0), 0) === Number.parseInt(noted, 8);
}

/** A table over all byte values: 1 for those in the text. */
export function byteTable(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of Buffer.from(characters, 'latin1')) table[byte] = 1;
  return table;
}
