import type { PhredOffset } from './phred.js';
import { Adapters, type AdaptersState } from './read_quality/adapters.js';
import { BaseFigures, type BaseFiguresState, moduleText } from './read_quality/base_figures.js';
import { CountingMemory } from './read_quality/counting_memory.js';
import { formatModule } from './read_quality/fastqc_text.js';
import { GcContent } from './read_quality/gc_content.js';
import { ReadLengths, type ReadLengthsState } from './read_quality/read_lengths.js';
import { RecordCutter, type RecordHandler } from './read_quality/record_cutter.js';
import { duplicationModule, overrepresentedModule, Repeats, type RepeatsState } from './read_quality/repeats.js';
import { Tiles, type TilesState } from './read_quality/tiles.js';

/** All that was counted of a file, as plain data that can be kept and sent (structured clone, `node:v8`). */
export type RawReadStatisticsState = {
  figures: BaseFiguresState;
  tiles: TilesState;
  gc: Float64Array;
  lengths: ReadLengthsState;
  repeats: RepeatsState;
  adapters: AdaptersState;
};

/**
 * Counts what FastQC 0.11.9 reports of a file of raw reads, in memory that no file can enlarge. The text comes in chunks of any size, four whole
 * lines a record. The offset of the qualities is needed only for the report, so it can be decided when all files of a sample are counted.
 */
export class RawReadStatistics {
  readonly #memory = new CountingMemory();
  readonly #figures = new BaseFigures(this.#memory);
  readonly #tiles = new Tiles(this.#memory);
  readonly #gc = new GcContent(this.#memory);
  readonly #lengths = new ReadLengths();
  readonly #adapters = new Adapters(this.#memory);
  readonly #repeats = new Repeats(this.#memory);
  /** What `#repeats` comes to, once it was asked for, or what was counted elsewhere. */
  #knownRepeats: RepeatsState | undefined;
  readonly #cutter = new RecordCutter(this.#memory, (...record) => this.#add(...record));

  /** What was counted until `toState`; it takes no more text. */
  static fromState(state: RawReadStatisticsState): RawReadStatistics {
    const statistics = new RawReadStatistics();
    statistics.#figures.setState(state.figures);
    statistics.#tiles.setState(state.tiles);
    statistics.#gc.setState(state.gc);
    statistics.#lengths.setState(state.lengths);
    statistics.#adapters.setState(state.adapters);
    statistics.#knownRepeats = state.repeats;
    return statistics;
  }

  /** @throws SyntaxError when the text ended within a record. */
  toState(): RawReadStatisticsState {
    this.#cutter.end();
    return {
      figures: this.#figures.toState(),
      tiles: this.#tiles.toState(),
      gc: this.#gc.toState(),
      lengths: this.#lengths.toState(),
      repeats: this.#repeatFigures(),
      adapters: this.#adapters.toState(),
    };
  }

  /** Takes the next bytes; none after a report or a state was asked for. */
  push(chunk: Buffer): void {
    this.#cutter.push(chunk);
  }

  /** Number of each quality character, by its code (128 of them). */
  qualityCounts(): Float64Array {
    return this.#counted.qualityCounts();
  }

  get reads(): number {
    return this.#counted.reads;
  }

  get bases(): number {
    return this.#counted.bases;
  }

  /** 0 without any read, as `maxLength`. */
  get minLength(): number {
    return this.#counted.minLength;
  }

  get maxLength(): number {
    return this.#counted.maxLength;
  }

  /**
   * The text of `fastqc_data.txt` for a file of this name: FastQC's to the last digit for reads of up to `EXACT_POSITIONS` bases, but for the
   * possible sources of overrepresented sequences.
   *
   * @throws SyntaxError when the text ended within a record.
   */
  report(fileName: string, offset: PhredOffset): string {
    this.#cutter.end();
    const figures = this.#figures;
    const repeats = this.#repeatFigures();
    const tiles = this.#tiles.module(offset);
    const hasQualities = figures.maxLength > 0;
    const modules = [
      formatModule('Basic Statistics', 'pass', this.#basicLines(fileName, offset)),
      hasQualities ? moduleText('Per base sequence quality', figures.qualityModule(offset)) : '',
      tiles ? moduleText('Per tile sequence quality', tiles) : '',
      hasQualities ? moduleText('Per sequence quality scores', figures.readQualityModule(offset)) : '',
      moduleText('Per base sequence content', figures.contentModule()),
      moduleText('Per sequence GC content', this.#gc.module()),
      moduleText('Per base N content', figures.unknownModule()),
      moduleText('Sequence Length Distribution', this.#lengths.module(figures.minLength, figures.maxLength)),
      moduleText('Sequence Duplication Levels', duplicationModule(repeats)),
      moduleText('Overrepresented sequences', overrepresentedModule(repeats)),
      moduleText('Adapter Content', this.#adapters.module(figures.reads)),
    ];
    return `##FastQC\t0.11.9\n${modules.join('')}`;
  }

  #basicLines(fileName: string, offset: PhredOffset): string[] {
    const figures = this.#figures;
    return [
      '#Measure\tValue',
      `Filename\t${fileName}`,
      `File type\t${figures.reads === 0 ? 'null' : 'Conventional base calls'}`,
      `Encoding\t${figures.encoding(offset)}`,
      `Total Sequences\t${figures.reads}`,
      'Sequences flagged as poor quality\t0',
      `Sequence length\t${figures.lengthText()}`,
      `%GC\t${figures.gcPercent()}`,
    ];
  }

  #add(...[header, headerEnd, sequence, sequenceEnd, quality, qualityEnd]: Parameters<RecordHandler>): void {
    this.#figures.add(sequence, sequenceEnd, quality, qualityEnd);
    this.#tiles.add(header, headerEnd, quality, qualityEnd);
    this.#gc.add(sequence, sequenceEnd);
    this.#lengths.add(sequenceEnd - sequence);
    this.#adapters.add(sequence, sequenceEnd);
    this.#repeats.add(sequence, sequenceEnd);
  }

  /** Going through 100,000 sequences takes as long as counting some 200,000 reads, and a report may be wanted with each offset. */
  #repeatFigures(): RepeatsState {
    this.#knownRepeats ??= this.#repeats.toState();
    return this.#knownRepeats;
  }

  get #counted(): BaseFigures {
    this.#cutter.flush();
    return this.#figures;
  }
}
