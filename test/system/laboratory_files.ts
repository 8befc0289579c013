import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';

/** What becomes of read files: a sample with so many reads, or a refusal. */
export type ReadsCase = {
  /** Names within `test/data`, or what is made here. */
  files: [string] | [string, string];
  reads?: number;
  refused?: RegExp;
  warned?: RegExp;
  /** Reads by OTU that Pathoscope must find. */
  viruses?: Record<string, number>;
  readCount?: number;
  /** The refusal of an analysis. */
  analysisRefused?: RegExp;
};

const TMV = 'Tobacco mosaic virus';
const PVY = 'Potato virus Y';

/** Files after public bug reports. */
export const REPORTED_READS: ReadsCase[] = [
  { files: ['reports/reads_hiseq4000.fq.gz'], reads: 300, viruses: { [TMV]: 300 } },
  {
    files: ['reports/pair_hiseq4000_mixed_1.fq.gz', 'reports/pair_hiseq4000_mixed_2.fq.gz'],
    reads: 600,
    // skewer finds 14 pairs too poor.
    viruses: { [TMV]: 286 },
  },
  { files: ['reports/reads_tmv_pvy.fq.gz'], reads: 500, viruses: { [TMV]: 300, [PVY]: 200 } },
  { files: ['reports/reads_one_200kb.fq.gz'], reads: 101, warned: /short reads/ },
  { files: ['reports/pairs_good_R1.fastq.gz', 'reports/pairs_good_R2.fastq.gz'], reads: 1700 },
  {
    files: ['reports/singletons_R1.fastq.gz', 'reports/singletons_R2.fastq.gz'],
    refused: /Record 6\b.*SRR9\.6.*SRR9\.5/,
  },
  { files: ['reports/index_mate_R1.fastq.gz', 'reports/index_mate_I1.fastq.gz'], refused: /index/ },
  { files: ['reports/reads_ten_names.fq.gz'], reads: 500, viruses: { [TMV]: 300, [PVY]: 200 } },
  { files: ['reports/pair_sra_1.fq.gz', 'reports/pair_sra_2.fq.gz'], reads: 80, readCount: 40 },
  { files: ['reports/crlf_no_final.fq'], reads: 200, viruses: { [TMV]: 200 } },
  { files: ['reports/gz_padding_between.fq.gz'], reads: 200, viruses: { [TMV]: 200 } },
  { files: ['reports/gz_bgzf.fq.gz'], reads: 200, viruses: { [TMV]: 200 } },
  { files: ['reports/tar.fastq.gz'], refused: /tar archive/ },
];

/** Small files that are damaged, or odd and right. */
export const BAD_READS: ReadsCase[] = [
  ...accepted(
    400,
    'reads_good',
    'reads_two_members',
    'reads_uncompressed',
    'reads_crlf',
    'reads_no_final_newline',
    'reads_plus_repeats_name',
    'reads_lower_case',
    'reads_duplicate_names',
    'reads_zero_length',
    'reads_phred64',
    'reads_utf8_name',
  ),
  { files: ['bad/reads_one.fq.gz'], reads: 1 },
  { files: ['bad/reads_all_n.fq.gz'], reads: 400, analysisRefused: /\b400\b/ },
  { files: ['bad/reads_trailing_garbage.fq.gz'], refused: /behind the gzip|after the gzip|gzip/ },
  { files: ['bad/reads_truncated.fq.gz'], refused: /cut|damaged/ },
  { files: ['bad/reads_damaged.fq.gz'], refused: /cut|damaged/ },
  { files: ['bad/reads_text.fq.gz'], refused: /line 1/ },
  { files: ['bad/reads_text_inside.fq.gz'], refused: /line 1/ },
  { files: ['bad/reads_binary.fq.gz'], refused: /line 1/ },
  { files: ['bad/reads_empty.fq.gz'], refused: /empty/ },
  { files: ['bad/reads_empty_inside.fq.gz'], refused: /no reads/ },
  { files: ['bad/reads_quality_length.fq.gz'], refused: /Record 101\b.*quality values/ },
  { files: ['bad/reads_fasta.fq.gz'], refused: /FASTA/ },
  { files: ['bad/reads_incomplete_record.fq.gz'], refused: /ends in the middle of record 400/ },
  { files: ['bad/reads_missing_plus.fq.gz'], refused: /must begin with '\+'/ },
  { files: ['bad/reads_illegal_bases.fq.gz'], refused: /record 1\), character \d+: 'Z' is not a base/ },
  { files: ['bad/reads_blank_lines.fq.gz'], refused: /Line \d+ is blank/ },
  { files: ['bad/pair_count_1.fq.gz', 'bad/pair_count_2.fq.gz'], refused: /400 reads.*350|350 reads.*400|record 351/ },
  { files: ['bad/pair_order_1.fq.gz', 'bad/pair_order_2.fq.gz'], refused: /record 1\b/i },
  { files: ['made/zeros.fq.gz'], refused: /line 1|not FASTQ/ },
];

/** Host genomes: so many sequences, or a refusal. */
export const HOSTS: { file: string; count?: number; refused?: RegExp }[] = [
  { file: 'bad/host_good.fa.gz', count: 4 },
  { file: 'bad/host_uncompressed.fa.gz', count: 4 },
  { file: 'bad/host_crlf.fa.gz', count: 4 },
  { file: 'bad/host_duplicate_names.fa.gz', count: 4 },
  { file: 'bad/host_empty_record.fa.gz', refused: /has no sequence/ },
  { file: 'bad/host_illegal_characters.fa.gz', refused: /record \d+.*character \d+/ },
  { file: 'bad/host_protein.fa.gz', refused: /protein/ },
  { file: 'bad/host_all_n.fa.gz', refused: /only ambiguous bases/ },
  { file: 'bad/host_headers_only.fa.gz', refused: /only headers/ },
  { file: 'bad/host_no_header.fa.gz', refused: /header/ },
  { file: 'bad/host_fastq.fa.gz', refused: /FASTQ/ },
  { file: 'bad/host_empty_inside.fa.gz', refused: /empty/ },
  { file: 'made/host_padding_between.fa.gz', count: 4 },
  { file: 'made/host_text_behind.fa.gz', refused: /not gzip data/ },
  { file: 'made/host_cr.fa', count: 4 },
  { file: 'made/host_rna.fa', count: 4 },
  { file: 'made/host_utf16.fa', refused: /UTF-16/ },
  { file: 'made/host_tar.fa.gz', refused: /tar archive/ },
];

const DUPLICATES = ['ids', 'names', 'abbreviations', 'isolate_ids', 'sequence_ids'].map((what) => `duplicate_${what}`);

/** References: so many OTUs, or the ids of the errors. */
export const REFERENCES: { file: string; otus?: number; errors?: string[] }[] = [
  ...imported(
    4,
    'good',
    'extra_keys',
    'no_meta',
    'empty_sequence',
    'inconsistent',
    'empty_isolates',
    'empty_sequences',
  ),
  ...imported(0, 'empty_otus'),
  ...DUPLICATES.map((id) => refusedReference(id, id)),
  refusedReference('duplicates', ...DUPLICATES.toSorted()),
  refusedReference('not_gzip', 'not_gzipped'),
  ...['not_json', 'cut_json', 'empty'].map((name) => refusedReference(name, 'json_error')),
  refusedReference('truncated', 'unhandled'),
  ...['array', 'no_otus_key', 'otus_not_list'].map((name) => refusedReference(name, 'file')),
  ...['no_default', 'two_defaults', 'illegal_bases', 'no_name', 'no_isolates_key', 'missing_fields', 'wrong_types'].map(
    (name) => refusedReference(name, 'otu'),
  ),
  { file: 'reports/reference_name_trailing_space.json.gz', errors: ['duplicate_names'] },
];

function imported(otus: number, ...names: string[]) {
  return names.map((name) => ({ file: `bad/reference_${name}.json.gz`, otus }));
}

function refusedReference(name: string, ...errors: string[]) {
  return { file: `bad/reference_${name}.json.gz`, errors };
}

function accepted(reads: number, ...names: string[]): ReadsCase[] {
  return names.map((name) => ({ files: [`bad/${name}.fq.gz`], reads }));
}

/** The bytes of a file of a case. */
export function content(file: string): Uint8Array {
  const make = MADE[file];
  return make ? make() : readFileSync(fileURLToPath(new URL(`../data/${file}`, import.meta.url)));
}

const MADE: Record<string, () => Uint8Array> = {
  'made/zeros.fq.gz': () => gzipSync(Buffer.alloc(64 * 1024 * 1024)),
  'made/host_padding_between.fa.gz': () => {
    const text = host();
    const half = text.indexOf('\n>', text.length / 2) + 1;
    return Buffer.concat([gzipSync(text.slice(0, half)), Buffer.alloc(512), gzipSync(text.slice(half))]);
  },
  'made/host_text_behind.fa.gz': () => Buffer.concat([gzipSync(host()), Buffer.from('and some words')]),
  'made/host_cr.fa': () => Buffer.from(host().replaceAll('\n', '\r')),
  'made/host_rna.fa': () =>
    Buffer.from(host().replace(/^[^>].*/gm, (line) => line.replaceAll('T', 'U').replaceAll('t', 'u'))),
  'made/host_utf16.fa': () => Buffer.from(`\ufeff${host()}`, 'utf16le'),
  'made/host_tar.fa.gz': () => gunzipAndPack('reports/tar.fastq.gz'),
};

const host = () => gunzipSync(content('bad/host_good.fa.gz')).toString('latin1');

function gunzipAndPack(file: string): Uint8Array {
  const bytes = content(file);
  return gzipSync(bytes[0] === 0x1f ? gunzipSync(bytes) : bytes);
}
