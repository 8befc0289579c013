import { readFileSync } from 'node:fs';
import { LineSplitter } from '../../../bio/lines.js';
import {
  type AlignmentSummary,
  type AlignmentTable,
  AlignmentWriter,
  keptBytes,
  RECORD,
} from '../../../bio/pathoscope/alignments.js';
import { NameTable } from '../../../bio/pathoscope/name_table.js';
import { type PathoscopeResult, runPathoscope } from '../../../bio/pathoscope/run.js';
import { HostScores, subtractHost } from '../../../bio/pathoscope/subtraction.js';
import { createCandidateReferences, isAccepted, SamReader } from '../../../bio/sam.js';
import { VtaEncoder } from '../../../bio/vta.js';
import { copyRanges, openByteWriter, readByteBlocks, writeBytes } from '../../../files/byte_files.js';
import type { PathoscopeHit } from '../../../store/analyses.js';
import type { CoreResults, CoreTask, TablePaths } from './tasks.js';

/** Puts the next bytes of an aligner's output at the beginning of the room and tells how many; 0 when there are no more. */
export type ReadInput = (room: Uint8Array) => number;

/**
 * Length in bases, OTU and OTU version of each isolate sequence, by its id. `source` is its id where the reference comes from: the same in every
 * copy of a reference, while its own is drawn anew.
 */
export type IsolateSequences = Record<
  string,
  { length: number; otu: { id: string; version: number }; source?: string }
>;

/** What the reassignment leaves for the import. */
export type StoredRun = { read_count: number; results: PathoscopeHit[] };

const BLOCK_BYTES = RECORD.words * 4 * (1 << 14);
const LINE_FEED = Uint8Array.of(10);

/** Does a task. It computes and waits for its input and the disk without a pause: run it in a thread of its own. */
export function runTask(
  task: CoreTask,
  read: ReadInput,
  report: (fraction: number) => void,
): CoreResults[CoreTask['task']] {
  switch (task.task) {
    case 'find_candidates':
      return findCandidates(read);
    case 'map_isolates':
      return mapIsolates(task, read);
    case 'map_host':
      return mapHost(task, read);
    case 'subtract':
      return subtract(task, report);
    case 'reassign':
      return reassign(task, report);
  }
}

type Task<Name extends CoreTask['task']> = Extract<CoreTask, { task: Name }>;

function findCandidates(read: ReadInput): CoreResults['find_candidates'] {
  const candidates = createCandidateReferences();
  new LineSplitter(candidates.addSamBytes).pushAll(read);
  return candidates.sorted();
}

function mapIsolates(task: Task<'map_isolates'>, read: ReadInput): CoreResults['map_isolates'] {
  const vta = openByteWriter(task.vta);
  const records = openByteWriter(task.table.records);
  const alignments = new AlignmentWriter((block) => records.write(bytesOf(block)));
  const encoder = new VtaEncoder(vta.write);
  const reader = new SamReader({ omitsBases: true });
  const lines = new LineSplitter((memory, start, end) => {
    if (!reader.read(memory, start, end) || !isAccepted(reader)) return;
    alignments.addFields(reader, encoder.add(reader));
  });
  lines.pushAll(read);
  encoder.finish();
  const summary = alignments.finish();
  vta.close();
  records.close();
  writeJson(task.table.summary, summary);
  writeNames(task.readNames, alignments.reads);
  return { lineCount: summary.lineCount };
}

function mapHost(task: Task<'map_host'>, read: ReadInput): CoreResults['map_host'] {
  const host = new HostScores(readNames(task.readNames));
  new LineSplitter((memory, start, end) => host.addSamBytes(memory, start, end)).pushAll(read);
  writeBytes(task.hostScores, bytesOf(host.scores));
  return undefined;
}

function subtract(task: Task<'subtract'>, report: (fraction: number) => void): CoreResults['subtract'] {
  const scores = new Float64Array(copyOf(readFileSync(task.hostScores)).buffer);
  const records = openByteWriter(task.left.records);
  const table = readTable(task.table);
  const { kept, subtractedCount, left } = subtractHost(table, scores, (block) => records.write(bytesOf(block)));
  records.close();
  report(0.5);
  writeJson(task.left.summary, left);
  copyRanges(task.vta, task.leftVta, keptBytes(table, kept));
  return { subtractedCount };
}

function reassign(task: Task<'reassign'>, report: (fraction: number) => void): CoreResults['reassign'] {
  const isolates = JSON.parse(readFileSync(task.isolates, 'utf8')) as IsolateSequences;
  const lengths = new Map(Object.entries(isolates).map(([id, { length }]) => [id, length]));
  const table = readTable(task.table);
  // Equal results of a reference and of its copies must stand in the same order.
  const run = runPathoscope(table, lengths, (id) => isolates[id]?.source ?? id);
  report(0.8);
  copyRanges(task.vta, task.reassigned, keptBytes(table, run.reassignedLines));
  writeBytes(task.report, Buffer.from(run.report, 'utf8'));
  writeResults(task.results, run, isolates);
  return undefined;
}

// Hit by hit: the depths of all of them as one text may be hundreds of megabytes.
function writeResults(path: string, run: PathoscopeResult, isolates: IsolateSequences): void {
  const writer = openByteWriter(path);
  try {
    writer.write(Buffer.from(`{"read_count":${run.readCount},"results":[`));
    for (const [i, hit] of run.hits.entries()) {
      writer.write(Buffer.from(`${i === 0 ? '' : ','}${JSON.stringify(toStoredHit(hit, isolates))}`));
    }
    writer.write(Buffer.from(']}'));
  } finally {
    writer.close();
  }
}

function toStoredHit(hit: PathoscopeResult['hits'][number], isolates: IsolateSequences): PathoscopeHit {
  const { id, align, coverage, depth, byBase, final, initial } = hit;
  const otu = isolates[id]?.otu;
  if (!otu) throw new TypeError(`Sequence ${id} is in the mapping but not in the isolate index`);
  return { id, otu, align, coverage, depth, depth_by_base: byBase, final, initial };
}

function readTable({ records, summary }: TablePaths): AlignmentTable {
  return {
    ...(JSON.parse(readFileSync(summary, 'utf8')) as AlignmentSummary),
    *blocks() {
      for (const { buffer, byteOffset, byteLength } of readByteBlocks(records, BLOCK_BYTES)) {
        yield new Uint32Array(buffer, byteOffset, byteLength / Uint32Array.BYTES_PER_ELEMENT);
      }
    },
  };
}

function writeNames(path: string, names: NameTable): void {
  const writer = openByteWriter(path);
  try {
    for (let id = 0; id < names.size; id++) {
      writer.write(names.bytesOf(id));
      writer.write(LINE_FEED);
    }
  } finally {
    writer.close();
  }
}

function readNames(path: string): NameTable {
  const names = new NameTable();
  const lines = new LineSplitter((memory, start, end) => {
    names.addBytes(memory, start, end);
  });
  for (const block of readByteBlocks(path)) lines.push(block);
  lines.end();
  return names;
}

function writeJson(path: string, value: unknown): void {
  writeBytes(path, Buffer.from(JSON.stringify(value), 'utf8'));
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** A copy at the beginning of a buffer of its own: numbers of eight bytes must not begin anywhere. */
function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}
