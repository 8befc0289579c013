import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  bowtie2PathProblem,
  buildIndex,
  buildSubtractionIndex,
  eliminateOtus,
  eliminateSubtraction,
  mapDefaultIsolates,
  mapIsolates,
  mapSubtraction,
} from '../../src/tools/bowtie2.js';
import { UnsafePath } from '../../src/tools/errors.js';
import { bowtie2BuildProgress } from '../../src/tools/progress.js';
import { collectText, eachLine, runTool } from '../../src/tools/runner.js';
import { dataFile, sha256, tempFolder, unpacked } from './support.js';

const SENSITIVE = '--local --score-min L,20,1.0 -N 0 -L 15';

test('the command lines are those of the contract, with a canonical order of reads', () => {
  const mapping = { index: '/i/reference', reads: ['/r/reads_1.fq.gz', '/r/reads_2.fq.gz'], threads: 2 };
  const reads = '-U /r/reads_1.fq.gz,/r/reads_2.fq.gz';
  const lines = [
    buildSubtractionIndex({ fasta: '/s/host.fa', prefix: '/s/reference', threads: 2 }),
    buildIndex({ fasta: '/a/isolate_index.fa', prefix: '/a/isolates', threads: 2 }),
    mapDefaultIsolates(mapping),
    mapIsolates({ ...mapping, mappedReads: '/a/mapped.fastq' }),
    mapSubtraction(mapping),
    eliminateOtus({ ...mapping, unmappedReads: '/a/unmapped_otus.fq' }),
    eliminateSubtraction({ ...mapping, reads: ['/a/unmapped_otus.fq'], unmappedReads: '/a/unmapped_hosts.fq' }),
  ].map((command) => command.argv.join(' '));
  expect(lines).toEqual([
    'bowtie2-build -f --threads 2 /s/host.fa /s/reference',
    'bowtie2-build --threads 2 /a/isolate_index.fa /a/isolates',
    `bowtie2 -p 2 --no-unal ${SENSITIVE} -x /i/reference ${reads}`,
    `bowtie2 -p 2 --reorder --no-unal --omit-sec-seq ${SENSITIVE} -k 100 --al /a/mapped.fastq -x /i/reference ${reads}`,
    `bowtie2 --local -N 0 -p 2 --reorder -x /i/reference ${reads}`,
    `bowtie2 -p 2 --reorder -k 1 --very-fast-local -x /i/reference --un /a/unmapped_otus.fq ${reads}`,
    'bowtie2 --very-fast-local -k 1 -p 2 --reorder -x /i/reference --un /a/unmapped_hosts.fq -U /a/unmapped_otus.fq',
  ]);
});

test('the offset of the qualities is said where it is known', () => {
  const reads = { index: '/i/ref', reads: ['/r/reads.fq'], threads: 1 };
  for (const phredOffset of [33, 64] as const) {
    const files = { unmappedReads: '/a/left.fq', mappedReads: '/a/mapped.fq' };
    const given = { ...reads, ...files, phredOffset };
    for (const command of [mapDefaultIsolates, mapIsolates, mapSubtraction, eliminateOtus, eliminateSubtraction]) {
      expect(command(given).argv.slice(-3)).toEqual([`--phred${phredOffset}`, '-U', '/r/reads.fq']);
    }
  }
});

// With one processor the old server asked for none, and every job failed.
test('the number of threads is at least one', () => {
  for (const threads of [0, -1, Number.NaN, 0.5]) {
    expect(mapDefaultIsolates({ index: 'i', reads: ['r'], threads }).argv.slice(1, 3)).toEqual(['-p', '1']);
  }
});

// The wrapper script of Bowtie 2 makes shell text of its arguments.
test('a path that Bowtie 2 would misread is refused', () => {
  const mapping = { index: '/i/ref', reads: ['/r/reads.fq'], threads: 1 };
  for (const bad of [
    '/a/$(id)/x',
    '/a/`id`',
    '/a/"x',
    "/a/'x",
    '/a/x,y',
    '/a/*',
    '/a/{x}',
    '/a\\b',
    '/a\nb',
    '-x',
    '',
  ]) {
    expect(() => mapDefaultIsolates({ ...mapping, reads: [bad] }), bad).toThrow(UnsafePath);
    expect(() => mapDefaultIsolates({ ...mapping, index: bad }), bad).toThrow(UnsafePath);
    expect(() => mapIsolates({ ...mapping, mappedReads: bad }), bad).toThrow(UnsafePath);
    expect(bowtie2PathProblem(bad)).toContain('cannot take the path');
  }
});

test('what is not refused is taken literally by the real program', async () => {
  await using folder = await tempFolder();
  const odd = join(folder.path, 'R&D lab; (1) #2 Übung!');
  await mkdir(odd);
  const fasta = await unpacked(dataFile('bad/host_good.fa.gz'), join(odd, 'host.fa'));
  const reads = await unpacked(dataFile('bad/reads_good.fq.gz'), join(odd, 'reads.fq'));
  const index = join(odd, 'ref');
  await runTool(buildIndex({ fasta, prefix: index, threads: 1 }));
  const mappedReads = join(odd, 'mapped.fq');
  await runTool(mapIsolates({ index, reads: [reads], threads: 1, mappedReads }), { cwd: folder.path });
  expect((await readFile(mappedReads, 'utf8')).split('\n').length).toBeGreaterThan(4);
  expect(await readdir(folder.path)).toHaveLength(1);
});

test('an index has the same bytes for one thread and for two, and its progress is told', async () => {
  await using folder = await tempFolder();
  const fasta = join(folder.path, 'genome.fa');
  await writeFile(fasta, `>a\n${randomBases(200_000, 1)}\n>b\n${randomBases(100_000, 2)}\n`);
  const hashes: string[][] = [];
  for (const threads of [1, 2]) {
    const fractions: number[] = [];
    const progress = bowtie2BuildProgress();
    const prefix = join(folder.path, `index${threads}`);
    const listen = eachLine((line) => {
      const fraction = progress(line);
      if (fraction !== undefined) fractions.push(fraction);
    });
    await runTool(buildIndex({ fasta, prefix, threads }), { stdout: listen });
    const ends = ['1', '2', '3', '4', 'rev.1', 'rev.2'].map((end) => `${prefix}.${end}.bt2`);
    hashes.push(await Promise.all(ends.map(sha256)));
    expect(fractions.length).toBeGreaterThan(4);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
  }
  expect(hashes[1]).toEqual(hashes[0]);
});

test('alignments and mapped reads have the same bytes for one thread and for two', async () => {
  await using folder = await tempFolder();
  const genome = randomBases(20_000, 3);
  const fasta = join(folder.path, 'genome.fa');
  await writeFile(fasta, `>a\n${genome}\n>near_a\n${genome.slice(5000, 15_000)}\n`);
  const reads = join(folder.path, 'reads.fq');
  await writeFile(reads, randomReads(genome, 6000));
  const index = join(folder.path, 'ref');
  await runTool(buildIndex({ fasta, prefix: index, threads: 2 }));

  const results: unknown[] = [];
  for (const threads of [1, 2]) {
    const mappedReads = join(folder.path, `mapped${threads}.fq`);
    const isolates = await sam(mapIsolates({ index, reads: [reads], threads, mappedReads }));
    const host = await sam(mapSubtraction({ index, reads: [mappedReads], threads }));
    results.push({ isolates, host, mapped: await sha256(mappedReads) });
  }
  expect(results[1]).toEqual(results[0]);
  expect(existsSync(join(folder.path, 'mapped1.fq'))).toBe(true);
});

/** Alignments without the header, which holds the command line. */
async function sam(command: ReturnType<typeof mapIsolates>): Promise<string> {
  const { output } = await runTool(command, { stdout: collectText(100_000_000) });
  const lines = output.split('\n').filter((line) => !line.startsWith('@'));
  expect(lines.length).toBeGreaterThan(6000);
  return lines.join('\n');
}

function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function randomBases(length: number, seed: number): string {
  const next = randomNumbers(seed);
  return Array.from({ length }, () => 'ACGT'[Math.floor(next() * 4)]).join('');
}

/** Reads of very different lengths, so that the threads are done with them in another order. */
function randomReads(genome: string, count: number): string {
  const next = randomNumbers(4);
  return Array.from({ length: count }, (_, n) => {
    const length = next() < 0.1 ? 1500 : 40;
    const start = Math.floor(next() * (genome.length - length));
    return `@r${n}\n${genome.slice(start, start + length)}\n+\n${'I'.repeat(length)}\n`;
  }).join('');
}
