import type { PhredOffset } from './phred.js';
import { BaseFigures, type BaseFiguresState, moduleText } from './read_quality/base_figures.js';
import { formatModule } from './read_quality/fastqc_text.js';
import { RecordCutter } from './read_quality/record_cutter.js';

/** All that was counted of a file, as plain data that can be kept and sent. */
export type RawReadStatisticsState = { figures: BaseFiguresState };

/**
 * Counts what FastQC 0.11.9 reports of a file of raw reads. The text comes in chunks of any size, four whole lines a record. The offset of the
 * qualities is needed only for the report, so it can be decided when all files of a sample are counted.
 */
export class RawReadStatistics {
  #figures = new BaseFigures();
  readonly #cutter = new RecordCutter((memory, _header, _headerEnd, sequence, sequenceEnd, quality, qualityEnd) =>
    this.#figures.add(memory, sequence, sequenceEnd, quality, qualityEnd),
  );

  /** What was counted until `toState`; it takes no more text. */
  static fromState(state: RawReadStatisticsState): RawReadStatistics {
    const statistics = new RawReadStatistics();
    statistics.#figures = BaseFigures.fromState(state.figures);
    return statistics;
  }

  /** @throws SyntaxError when the text ended within a record. */
  toState(): RawReadStatisticsState {
    this.#cutter.end();
    return { figures: this.#figures.toState() };
  }

  /** Takes the next bytes. */
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
   * The text of `fastqc_data.txt` for a file of this name.
   *
   * @throws SyntaxError when the text ended within a record.
   */
  report(fileName: string, offset: PhredOffset): string {
    this.#cutter.end();
    const figures = this.#figures;
    const basic = [
      '#Measure\tValue',
      `Filename\t${fileName}`,
      `File type\t${figures.reads === 0 ? 'null' : 'Conventional base calls'}`,
      `Encoding\t${figures.encoding(offset)}`,
      `Total Sequences\t${figures.reads}`,
      'Sequences flagged as poor quality\t0',
      `Sequence length\t${figures.lengthText()}`,
      `%GC\t${figures.gcPercent()}`,
    ];
    const modules = [
      formatModule('Basic Statistics', 'pass', basic),
      moduleText('Per base sequence quality', figures.qualityModule(offset)),
      moduleText('Per sequence quality scores', figures.readQualityModule(offset)),
      moduleText('Per base sequence content', figures.contentModule()),
      moduleText('Per base N content', figures.unknownModule()),
    ];
    return `##FastQC\t0.11.9\n${modules.join('')}`;
  }

  get #counted(): BaseFigures {
    this.#cutter.flush();
    return this.#figures;
  }
}
