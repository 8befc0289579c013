import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pairing, PhredOffset } from '../../contracts/reads.js';
import type { DataDirectory } from '../../files/data_directory.js';
import { fileSize } from '../../files/folders.js';
import { publishJson, removePartials, removePath } from '../../files/publish.js';
import { type QualityTextPrefix, removeQualities } from '../../files/sample_qualities.js';
import type { SampleFile } from '../../store/samples/sample_files.js';
import type { ReadsFacts } from '../../store/samples/samples.js';
import { InvalidInput } from '../errors.js';
import type { Step } from '../steps/step.js';
import { importReads } from './import.js';
import { keepSampleQuality } from './quality.js';
import type { ReadFileFindings } from './read_file.js';
import { notesOf, warningsOf } from './remarks.js';

/** What the pass over the uploads has found, until the sample has it. */
const FINDINGS = 'findings.json';

type Findings = { files: ReadFileFindings[] } | { refused: { message: string; advice: string } };

/** Uploads that become the raw reads of a sample, and what is wanted of them. */
export type Intake = {
  sampleId: string;
  uploads: readonly SampleFile['from'][];
  srna: boolean;
  pairing: Pairing;
  /** Null: the qualities decide. */
  phredOffset: PhredOffset | null;
  /** What the names of FastQC's texts begin with. */
  textPrefix?: QualityTextPrefix;
};

/**
 * The way of uploads into the folder of a sample, in steps that may each run twice. What is found stays in a file of the folder until
 * {@link finishIntake}.
 */
export function createReadIntake(data: DataDirectory) {
  const folderOf = ({ sampleId }: Intake) => data.sample(sampleId);
  const namesOf = ({ uploads }: Intake) => uploads.map(({ name }) => name);

  const importUploads = async (context: Step<unknown>, intake: Intake): Promise<Findings> => {
    const paths = rawReadPaths(folderOf(intake), intake.uploads.length);
    const uploads = intake.uploads.map(({ id, name }, index) => ({
      ...{ name, path: data.file(id), to: paths[index] as string },
    }));
    try {
      const files = await importReads(context, { uploads, pairing: intake.pairing });
      // Some of what has to be refused is found with the warnings.
      warningsOf(files, namesOf(intake), intake.srna);
      return { files };
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      return { refused: { message: error.message, advice: error.advice } };
    }
  };

  const copy = async (context: Step<unknown>, intake: Intake): Promise<Findings> => {
    const findings = await importUploads(context, intake);
    await publishJson(join(folderOf(intake), FINDINGS), findings);
    return findings;
  };

  const keepQuality = (intake: Intake, files: readonly ReadFileFindings[]) => {
    const { phredOffset: wanted, textPrefix } = intake;
    return keepSampleQuality(folderOf(intake), files, { names: namesOf(intake), wanted, textPrefix });
  };

  return {
    /** Copies the uploads while they are checked; false when they have to be refused, which {@link requireUsable} does. */
    async copy(context: Step<unknown>, intake: Intake): Promise<boolean> {
      return 'files' in (await copy(context, intake));
    },

    /**
     * Keeps the quality of the copied reads in the folder; copies them first where an older release has left no findings.
     *
     * @throws InvalidInput when the reads cannot be used. Clients of release 3.7.3 know this of the step after the copying.
     */
    async requireUsable(context: Step<unknown>, intake: Intake): Promise<void> {
      const findings = (await readFindings(folderOf(intake))) ?? (await copy(context, intake));
      if ('refused' in findings) throw new InvalidInput(findings.refused.message, findings.refused.advice);
      await keepQuality(intake, findings.files);
    },

    /** Quality and facts of the copied reads. */
    async found(intake: Intake): Promise<{ quality: Record<string, unknown>; facts: ReadsFacts }> {
      const findings = await readFindings(folderOf(intake));
      if (!findings || 'refused' in findings) throw new Error('What was found in the reads is not there');
      const { files } = findings;
      const { phred, quality } = await keepQuality(intake, files);
      const facts: ReadsFacts = {
        phred,
        ...(files.length === 2 ? { pairing: intake.pairing } : {}),
        unique_names: files.every(({ uniqueNames }) => uniqueNames),
        warnings: warningsOf(files, namesOf(intake), intake.srna),
        notes: notesOf(files, namesOf(intake)),
      };
      return { quality, facts };
    },

    /** The copied reads as the sample lists them. */
    sampleFiles: (intake: Intake): Promise<SampleFile[]> =>
      Promise.all(
        intake.uploads.map(async (from, index) => {
          const name = rawReadName(index);
          const size = (await fileSize(join(folderOf(intake), name))) ?? 0;
          return { name, download_url: `/download/samples/${intake.sampleId}/${name}`, size, from, raw: true };
        }),
      ),

    /** Removes what only the steps needed. @throws Error when the copied reads are not there. */
    async finish(intake: Intake): Promise<void> {
      for (const path of rawReadPaths(folderOf(intake), intake.uploads.length)) {
        if ((await fileSize(path)) === undefined) throw new Error('The copied reads are not there');
      }
      await removePartials(folderOf(intake));
      await removePath(join(folderOf(intake), FINDINGS));
    },

    /** Removes all that an intake may have left in the folder of a sample that stays. */
    async undo(sampleId: string, textPrefix: QualityTextPrefix): Promise<void> {
      const folder = data.sample(sampleId);
      await removePartials(folder).catch(ignoreAbsent);
      await removeQualities(folder, textPrefix);
      for (const path of [join(folder, FINDINGS), ...rawReadPaths(folder, 2)]) await removePath(path);
    },
  };
}

function rawReadName(index: number): string {
  return `reads_${index + 1}.fq.gz`;
}

function rawReadPaths(folder: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => join(folder, rawReadName(index)));
}

async function readFindings(folder: string): Promise<Findings | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, FINDINGS), 'utf8')) as Findings;
  } catch (error) {
    return ignoreAbsent(error);
  }
}

function ignoreAbsent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
