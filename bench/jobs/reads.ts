import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gunzipSync } from 'node:zlib';

const DEMO = join(import.meta.dirname, '..', '..', 'demo');
const READ_BASES = 100;
const FRAGMENT_BASES = [240, 420] as const;
const ADAPTERS = ['AGATCGGAAGAGCACACGTCTGAACTCCAGTCAC', 'AGATCGGAAGAGCGTCGTGTAGGGAAAGAGTGT'];
const RECORDS_PER_CHUNK = 2_000;

/** How many viruses the reference does not know, and their lengths. */
const UNKNOWN_BASES = [9_000, 6_000, 4_000, 1_500];

/**
 * Writes gzipped reads of known viruses (36 %), unknown ones (14 %), the host (45 %) and random bases (5 %): a file of single reads, or two of
 * mates. 5 % of the fragments are shorter than a read. Qualities are those of the demo's reads, errors follow them. The same
 * arguments give the same reads.
 */
export async function writeReads(paths: readonly string[], count: number, seed = 20_190_911): Promise<void> {
  const sources = await readSources();
  await Promise.all(
    paths.map((path, mate) => {
      // Both mates draw the same numbers, so that each file can be written on its own.
      const text = Readable.from(fastq(sources, count, createRandom(seed), mate));
      return pipeline(text, createGzip({ level: 1 }), createWriteStream(path));
    }),
  );
}

type Sources = { known: string[]; unknown: string[]; host: string[]; qualities: string[] };
type Random = (below: number) => number;

async function readSources(): Promise<Sources> {
  const text = async (name: string) => gunzipSync(await readFile(join(DEMO, name))).toString();
  const [reference, host, reads] = await Promise.all([
    text('reference-small.json.gz'),
    text('host.fa.gz'),
    text('single_small.fq.gz'),
  ]);
  type Otu = { isolates: { sequences: { sequence: string }[] }[] };
  const known = (JSON.parse(reference) as { otus: Otu[] }).otus
    .slice(0, 6)
    .flatMap(({ isolates }) => isolates.slice(0, 1).flatMap(({ sequences }) => sequences.map((one) => one.sequence)));
  const random = createRandom(7);
  return {
    known: known.filter((sequence) => sequence.length > FRAGMENT_BASES[1]),
    unknown: UNKNOWN_BASES.map((length) => randomBases(length, random)),
    host: host
      .split(/^>.*$/m)
      .map((record) => record.replaceAll('\n', '').toUpperCase())
      .filter((record) => record !== ''),
    qualities: reads.split('\n').filter((_, line) => line % 4 === 3),
  };
}

function* fastq(sources: Sources, count: number, random: Random, mate: number): Generator<string> {
  let chunk = '';
  for (let number = 0; number < count; number += 1) {
    const fragment = drawFragment(sources, random);
    const qualities = [0, 1].map(() => sources.qualities[random(sources.qualities.length)] as string);
    const strand = mate === 0 ? fragment : reverseComplement(fragment);
    const read = (strand + ADAPTERS[mate] + 'A'.repeat(READ_BASES)).slice(0, READ_BASES);
    const quality = qualities[mate] as string;
    const errors = createRandom(number * 2 + mate + 1);
    chunk += `@SIM:1:BENCH:1:${1100 + (number >> 16)}:${number & 65535}:1 ${mate + 1}:N:0:ATCACG\n${withErrors(read, quality, errors)}\n+\n${quality}\n`;
    if (number % RECORDS_PER_CHUNK === RECORDS_PER_CHUNK - 1) {
      yield chunk;
      chunk = '';
    }
  }
  yield chunk;
}

function drawFragment({ known, unknown, host }: Sources, random: Random): string {
  const isShort = random(100) < 5;
  const [shortest, longest] = FRAGMENT_BASES;
  const length = isShort ? 30 + random(60) : shortest + random(longest - shortest);
  const kind = random(100);
  const isReverse = random(2) === 1;
  if (kind >= 95) return randomBases(length, random);
  const genomes = kind < 36 ? known : kind < 50 ? unknown : host;
  const genome = genomes[random(genomes.length)] as string;
  const start = random(genome.length - length);
  const fragment = genome.slice(start, start + length);
  return isReverse ? reverseComplement(fragment) : fragment;
}

/** Chance of an error per quality character, of 2^20. */
const ERROR_CHANCES = Array.from({ length: 128 }, (_, code) => Math.min(2 ** 20, 2 ** 20 * 10 ** ((33 - code) / 10)));

function withErrors(read: string, quality: string, random: Random): string {
  let bases = '';
  let copied = 0;
  for (let i = 0; i < read.length; i += 1) {
    if (random(2 ** 20) >= (ERROR_CHANCES[quality.charCodeAt(i)] as number)) continue;
    bases += read.slice(copied, i) + 'ACGT'[random(4)];
    copied = i + 1;
  }
  return bases + read.slice(copied);
}

function randomBases(length: number, random: Random): string {
  return Array.from({ length }, () => 'ACGT'[random(4)]).join('');
}

const COMPLEMENT: Record<string, string> = { A: 'T', C: 'G', G: 'C', T: 'A' };

function reverseComplement(bases: string): string {
  return Array.from(bases, (base) => COMPLEMENT[base] ?? 'N')
    .reverse()
    .join('');
}

/** Mulberry32: whole numbers below a limit, the same for the same seed. */
function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}
