/** Reads of a library, as FASTQ. */
export const READS = Array.from({ length: 40 }, (_, read) => {
  const bases = Array.from({ length: 60 }, (_, base) => 'ACGT'[(read * 7 + base * 3 + (base % 5) * read) % 4]).join('');
  return `@read${read}\n${bases}\n+\n${'I'.repeat(60)}\n`;
}).join('');

/** Bases of a virus, and of a host. */
export const SEQUENCE = 'ATGCGTACGTTAGCCGATAGGCTTACGATCGGATCTAGCTAGCGATCGATTACGGCTATCGATCGTAGCTAGCATCGAT'.repeat(4);

/** The files of the old installation, by their paths in the data directory. */
export function oldFiles(): Record<string, string | Buffer> {
  const index = (folder: string) =>
    Object.fromEntries(
      ['1', '2', '3', '4', 'rev.1', 'rev.2'].map((part) => [`${folder}/reference.${part}.bt2`, `index ${part}`]),
    );
  const hit = { pi: 1, best: 1, high: 1, low: 0, reads: 2 };
  const results = [
    {
      id: 'seqbuilt',
      otu: { id: 'otubuilt', version: 0 },
      align: [0, 1, 1],
      coverage: 0.5,
      depth: 1,
      final: hit,
      initial: hit,
    },
  ];
  return {
    'files/aaaaaaaa-a.fq': READS,
    'files/bbbbbbbb-b.fq': READS,
    'files/dddddddd-d.fq': READS,
    'files/eeeeeeee-e.fq': READS,
    'files/ffffffff-host.fa': `>host1\n${SEQUENCE}`,
    'files/gggggggg-cut.fq': READS.slice(0, 77),
    'files/hhhhhhhh-short.fq': READS,
    'files/zzzzzzzz-nobody.fq': 'nobody knows',
    'samples/smpdone0/reads_1.fq.gz': 'raw reads',
    'samples/smpdone0/fastqc_1.txt': 'text',
    'samples/smpdone0/analysis/anadone0/report.tsv': 'report',
    'samples/smpdone0/analysis/anafile0/pathoscope.json': JSON.stringify({
      diagnosis: results,
      ready: true,
      read_count: 2,
    }),
    'samples/smpdone0/analysis/anaagain/unmapped_otus.fq': 'half',
    'samples/smpdone0/analysis/anastuck/to_isolates.vta': 'half',
    'samples/smpdone0/analysis/analost0/to_isolates.vta': 'half',
    'samples/smpdone0/analysis/ananone0/report.tsv': 'no document',
    'samples/smpagain/reads_1.fq.gz': 'half',
    'samples/smplost0/reads_1.fq.gz': 'half',
    'samples/smplate0/reads_1.fq.gz': 'raw reads',
    'samples/smpold00/reads_1.fastq': READS,
    'samples/smpold00/reads_1.fq.gz': 'half',
    'samples/smpgone0/reads_1.fq.gz': 'no document',
    'caches/cacgood0/reads_1.fq.gz': 'trimmed',
    'caches/cachalf0/reads-trimmed.fastq.gz': 'half',
    'caches/cacgone0/reads_1.fq.gz': 'trimmed',
    'caches/cacnone0/reads_1.fq.gz': 'no document',
    'subtractions/vitis_vinifera/vitis_vinifera.fa.gz': 'host',
    ...index('subtractions/vitis_vinifera'),
    'subtractions/apple/apple.fa': `>host1\n${SEQUENCE}`,
    'subtractions/pear/pear.fa': 'half',
    'subtractions/plum/plum.fa.gz': 'no document',
    'references/refbuilt/idxbuilt/ref.fa': `>seqbuilt\n${SEQUENCE}\n`,
    ...index('references/refbuilt/idxbuilt'),
    'references/refbuilt/idxnone1/ref.fa': 'no document',
    'references/refhalf0/idxhalf0/ref.fa': 'half',
    'references/refwork0/idxwork0/ref.fa': 'half',
    'references/refgone0/idxover0/ref.fa': 'no document',
    'logs/jobs/jobdone0': 'a log',
    'logs/jobs/jobgone0': 'a log',
    'hmm/profiles.hmm': 'profiles',
  };
}
