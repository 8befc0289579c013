import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import * as v from 'valibot';
import { reasonOf, VectorError } from './errors.js';

/** One folder of vectors and its twin in the output. Every file may lie there as it is or, with `.gz` behind its name, compressed. */
export class VectorFolder {
  readonly #files: ReadonlySet<string>;

  /**
   * @param source the folder with the vectors
   * @param target where its documents go; made when the first is written
   * @param files the names in `source`
   */
  constructor(
    readonly source: string,
    readonly target: string,
    files: readonly string[],
  ) {
    this.#files = new Set(files);
  }

  has(file: string): boolean {
    return this.#files.has(file) || this.isCompressed(file);
  }

  isCompressed(file: string): boolean {
    return !this.#files.has(file) && this.#files.has(`${file}.gz`);
  }

  /** Names of the files, `.gz` cut off. */
  names(): string[] {
    return [...new Set([...this.#files].map((name) => name.replace(/\.gz$/, '')))].sort();
  }

  /** Where a file lies, under the name that it has there. Throws VectorError when it is missing. */
  path(file: string): string {
    if (!this.has(file)) {
      throw new VectorError(`${join(this.source, file)} is missing (also as ${file}.gz): add it to the vectors.`);
    }
    return join(this.source, this.isCompressed(file) ? `${file}.gz` : file);
  }

  async bytes(file: string): Promise<Buffer> {
    const path = this.path(file);
    try {
      const stored = await readFile(path);
      return this.isCompressed(file) ? gunzipSync(stored) : stored;
    } catch (error) {
      throw new VectorError(`${path} cannot be read: ${reasonOf(error)}. Copy the file again.`, { cause: error });
    }
  }

  /** The text of a file, one character per byte, so that names in any encoding stay what they are. */
  async text(file: string): Promise<string> {
    return (await this.bytes(file)).toString('latin1');
  }

  /** The lines of a text file, less their line feeds. */
  async lines(file: string): Promise<string[]> {
    const lines = (await this.text(file)).split('\n');
    if (lines.at(-1) === '') lines.pop();
    return lines;
  }

  /** The parts of a JSON file that the schema names; whatever else the file holds is not looked at. */
  async json<T>(file: string, schema: v.GenericSchema<unknown, T>): Promise<T> {
    return this.#parse(file, (await this.bytes(file)).toString('utf8'), schema);
  }

  /** The same for every line of a JSON-lines file. */
  async jsonLines<T>(file: string, schema: v.GenericSchema<unknown, T>): Promise<T[]> {
    const lines = (await this.bytes(file)).toString('utf8').split('\n');
    return lines.flatMap((line, i) =>
      line.trim() === '' ? [] : [this.#parse(`${file}, line ${i + 1}`, line, schema, file)],
    );
  }

  /** Writes a file, compressed where the file that it is made `like` is. */
  async write(file: string, text: string | Buffer, like?: string): Promise<void> {
    const isCompressed = like !== undefined && this.isCompressed(like);
    const path = join(this.target, isCompressed ? `${file}.gz` : file);
    const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, isCompressed ? gzipSync(bytes) : bytes);
  }

  async writeJson(file: string, document: unknown, like?: string): Promise<void> {
    await this.write(file, Buffer.from(`${JSON.stringify(document)}\n`), like);
  }

  async writeJsonLines(file: string, documents: readonly unknown[], like?: string): Promise<void> {
    const lines = documents.map((document) => `${JSON.stringify(document)}\n`);
    await this.write(file, Buffer.from(lines.join('')), like);
  }

  #parse<T>(place: string, text: string, schema: v.GenericSchema<unknown, T>, file = place): T {
    const path = this.path(file);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw new VectorError(`${path} holds no JSON (${place}): ${reasonOf(error)}. Copy the file again.`, {
        cause: error,
      });
    }
    const result = v.safeParse(schema, value);
    if (result.success) return result.output;
    const [issue] = result.issues;
    const at = v.getDotPath(issue) ?? 'the whole of it';
    throw new VectorError(`${path} has another form than expected (${place}, ${at}): ${issue.message}`);
  }
}
