/** What is added to a Phred quality to make a character of it. */
export type PhredOffset = 33 | 64;

/** What the quality characters of a sample say: lowest and highest one (codes, null without any), and the reason in words. */
export type PhredEvidence = { offset: PhredOffset; lowest: number | null; highest: number | null; reason: string };

/** The offset of a sample and who has decided it. */
export type SamplePhred = PhredEvidence & { decided_by: 'qualities' | 'user' };

/** How the mates of two files are found: their names say it, or only their places in the files. */
export type Pairing = 'by_name' | 'by_order';

/** What users should know before they trust a result; `code` is stable. */
export type Warning = { code: string; message: string };
