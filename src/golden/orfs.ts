import * as v from 'valibot';
import { readFastaRecords } from '../bio/contigs.js';
import { FastqReader, type FastqRecord } from '../bio/fastq_records.js';
import { type OrfContig, orfContig, proteinFasta } from '../bio/orf_contigs.js';
import { findOrfs, reverseComplement, translate } from '../bio/orfs.js';
import { reasonOf } from './errors.js';
import type { VectorFolder } from './folder.js';
import { isMisreadFastq, originalContig, originalHeader, originalOrf } from './original_form.js';

const Sequences = v.object({ name: v.string(), sequence: v.string() });
const FirstOfPair = v.pipe(
  v.looseTuple([v.string()]),
  v.transform(([first]) => first),
);
const Translations = v.object({
  codons: v.record(v.string(), v.unknown()),
  sequences: v.array(FirstOfPair),
  reverse_complement: v.array(FirstOfPair),
});
const Texts = v.array(v.object({ text: v.string() }));
const Parsers = v.object({ read_fasta: Texts, read_fastq: Texts, read_fastq_headers: Texts });

/** `find_orfs.jsonl`: the ORFs of each sequence. */
export async function writeOrfs(folder: VectorFolder, file: string): Promise<void> {
  const sequences = await folder.jsonLines(file, Sequences);
  const documents = sequences.map(({ name, sequence }) => ({
    name,
    sequence,
    result: findOrfs(sequence).map(originalOrf),
  }));
  await folder.writeJsonLines(file, documents, file);
}

/** The contigs of an assembly that have ORFs. */
export function assemblyContigs(fasta: string): OrfContig[] {
  const contigs: OrfContig[] = [];
  for (const { sequence } of readFastaRecords(fasta)) {
    const contig = orfContig(contigs.length, sequence);
    if (contig) contigs.push(contig);
  }
  return contigs;
}

/** `assembly.fa`: its contigs before the search, and the file that is searched. */
export async function writeAssembly(folder: VectorFolder, file: string): Promise<void> {
  const contigs = assemblyContigs(await folder.text(file));
  await folder.writeJson('assembly_results.json', contigs.map(originalContig), file);
  await folder.write('assembly_orfs.fa', contigs.map(proteinFasta).join(''), file);
}

/** `translate.json`: codons, whole sequences and reverse complements. */
export async function writeTranslations(folder: VectorFolder, file: string): Promise<void> {
  const { codons, sequences, reverse_complement } = await folder.json(file, Translations);
  const document = {
    codons: Object.fromEntries(Object.keys(codons).map((codon) => [codon, translate(codon)])),
    sequences: sequences.map((bases) => [bases, translate(bases)]),
    reverse_complement: reverse_complement.map((bases) => [bases, { result: reverseComplement(bases) }]),
  };
  await folder.writeJson(file, document, file);
}

/** `parsers.json`: what the readers of FASTA and FASTQ make of texts. */
export async function writeParsers(folder: VectorFolder, file: string): Promise<void> {
  const { read_fasta, read_fastq, read_fastq_headers } = await folder.json(file, Parsers);
  const fastq = (texts: v.InferOutput<typeof Texts>, show: (record: FastqRecord) => unknown) =>
    texts.map(({ text }) => (isMisreadFastq(text) ? { text } : { text, ...read(() => readFastq(text).map(show)) }));
  const document = {
    read_fasta: read_fasta.map(({ text }) => ({
      text,
      ...read(() => readFastaRecords(text).map(({ header, sequence }) => [originalHeader(header), sequence])),
    })),
    read_fastq: fastq(read_fastq, ({ header, sequence, quality }) => [`@${header}`, sequence, quality]),
    read_fastq_headers: fastq(read_fastq_headers, ({ header }) => `@${header}`),
  };
  await folder.writeJson(file, document, file);
}

/** What a reader gives, or the text of its refusal. */
function read<T>(reader: () => T): { result: T } | { refusal: string } {
  try {
    return { result: reader() };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { refusal: reasonOf(error) };
  }
}

function readFastq(text: string): FastqRecord[] {
  const reader = new FastqReader();
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const records = lines.map((line) => reader.push(line)).filter((record) => record !== undefined);
  reader.end();
  return records;
}
