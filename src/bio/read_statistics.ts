import { decidePhredOffset, type PhredOffset } from './phred.js';
import { BaseFigures, moduleText } from './read_quality/base_figures.js';
import { CountingMemory } from './read_quality/counting_memory.js';
import { formatModule } from './read_quality/fastqc_text.js';
import { RecordCutter } from './read_quality/record_cutter.js';

/**
 * Counts what a quality object is made of, as FastQC 0.11.9 counts it: numbers of reads, lengths, qualities and bases by position, reads by
 * mean quality. The text comes in chunks of any size, four whole lines a record, as a trimming program writes it.
 */
export class ReadStatistics {
  readonly #memory = new CountingMemory();
  readonly #figures = new BaseFigures(this.#memory);
  readonly #cutter = new RecordCutter(this.#memory, (_header, _headerEnd, ...read) => this.#figures.add(...read));

  /** Takes the next bytes. */
  push(chunk: Buffer): void {
    this.#cutter.push(chunk);
  }

  /**
   * The modules of `fastqc_data.txt` that a quality object is made of, with FastQC's values.
   *
   * @param offset of the sample; without it that of these reads alone is decided.
   * @throws SyntaxError when the text ended within a record.
   */
  report(offset?: PhredOffset): string {
    this.#cutter.end();
    const figures = this.#figures;
    const used = offset ?? decidePhredOffset(figures.qualityCounts()).offset;
    const basic = [
      '#Measure\tValue',
      `Encoding\t${figures.encoding(used)}`,
      `Total Sequences\t${figures.reads}`,
      `Sequence length\t${figures.lengthText()}`,
      `%GC\t${figures.gcPercent()}`,
    ];
    const modules = [
      formatModule('Basic Statistics', undefined, basic),
      moduleText('Per base sequence quality', figures.qualityModule(used), false),
      moduleText('Per sequence quality scores', figures.readQualityModule(used), false),
      moduleText('Per base sequence content', figures.contentModule(), false),
    ];
    return `##Counted while trimming, as FastQC 0.11.9 counts\n${modules.join('')}`;
  }
}
