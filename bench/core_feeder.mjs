// Writes SAM lines as `bowtie2 -k 100` gives them: `node core_feeder.mjs LINES LINES_PER_READ`. The same arguments give the same bytes.
import { writeSync } from 'node:fs';

const [lines, perRead] = process.argv.slice(2).map(Number);
const REFERENCES = Array.from({ length: 60 }, (_, i) => `ref${String(i).padStart(5, '0')}`);
const GENOME = 6_000;
const BASES = 100;

let state = 20190911;
// A linear congruential generator with the constants of Numerical Recipes.
function random(below) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}

const sequences = Array.from({ length: 500 }, () => Array.from({ length: BASES }, () => 'ACGT'[random(4)]).join(''));
const quality = 'I'.repeat(BASES);

function emit(text) {
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

// One alignment in eight is clipped or has a gap, so that some hundred CIGARs occur.
function cigar() {
  const kind = random(16);
  const at = 1 + random(BASES - 2);
  if (kind === 0) return `${at}S${BASES - at}M`;
  return kind === 1 ? `${at}M1D${BASES - at}M` : `${BASES}M`;
}

let text = '';
let written = 0;
for (let read = 0; written < lines; read++) {
  const name = `HWI-ST1410:82:C2VAGACXX:7:${1101 + (read >> 16)}:${read % 20_000}:${random(100_000)}:${read}`;
  const bases = sequences[random(sequences.length)];
  // Isolates of one virus, and most reads fit to several of them equally well: the reassignment takes all of its rounds.
  const virus = random(6) * 10;
  const hits = Math.min(lines - written, 1 + random(2 * perRead - 1));
  const best = 150 + random(51);
  const first = random(10);
  for (let hit = 0; hit < hits; hit++) {
    const score = best - (random(8) === 0 ? 1 : 0);
    const reference = REFERENCES[virus + ((first + hit * 3) % 10)];
    // As bowtie2 is asked to do it: the bases stand in the first alignment of a read only.
    const [flag, shown] = hit === 0 ? [0, `${bases}\t${quality}`] : [256, '*\t*'];
    const position = 1 + random(GENOME - BASES);
    text += `${name}\t${flag}\t${reference}\t${position}\t1\t${cigar()}\t*\t0\t0\t${shown}\tAS:i:${score}\tXS:i:${score}\tXN:i:0\tXM:i:1\tXO:i:0\tXG:i:0\tNM:i:1\tMD:Z:34A65\tYT:Z:UU\n`;
  }
  written += hits;
  if (text.length > 1 << 18) {
    emit(text);
    text = '';
  }
}
emit(text);
