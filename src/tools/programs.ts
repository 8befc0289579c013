import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { ToolMissing } from './errors.js';

/** One of the programs that the server runs, with its packages. */
export type ToolInfo = {
  /** Key used in reports and failure texts. */
  readonly id: ToolId;
  /** Name as its authors write it. */
  readonly name: string;
  /** Programs that belong to it; the first one answers for the version. */
  readonly programs: readonly [string, ...string[]];
  readonly apt: string;
  readonly conda: string;
  /** What it is good for, when the server can do without it. */
  readonly optional?: string;
};

/** Key of a tool. */
export type ToolId = 'bowtie2' | 'skewer' | 'spades' | 'hmmer' | 'pigz' | 'igzip';

/** All tools, in the order in which reports list them. */
export const TOOLS: readonly ToolInfo[] = [
  { id: 'bowtie2', name: 'Bowtie 2', programs: ['bowtie2', 'bowtie2-build'], apt: 'bowtie2', conda: 'bowtie2' },
  { id: 'skewer', name: 'skewer', programs: ['skewer'], apt: 'skewer', conda: 'skewer' },
  { id: 'spades', name: 'SPAdes', programs: ['spades.py'], apt: 'spades', conda: 'spades' },
  { id: 'hmmer', name: 'HMMER', programs: ['hmmscan', 'hmmpress', 'hmmsearch'], apt: 'hmmer', conda: 'hmmer' },
  { id: 'pigz', name: 'pigz', programs: ['pigz'], apt: 'pigz', conda: 'pigz' },
  {
    ...{ id: 'igzip', name: 'igzip', programs: ['igzip'], apt: 'isal', conda: 'isa-l' },
    optional: 'Trimmed reads are compressed faster with it.',
  },
];

/** The tool that a program belongs to, by the program's base name. */
export function toolOf(program: string): ToolInfo | undefined {
  const base = program.slice(program.lastIndexOf('/') + 1);
  return TOOLS.find((tool) => tool.programs.includes(base) || (tool.id === 'hmmer' && base === 'hmmbuild'));
}

/** One sentence that says how to install a program. */
export function installAdvice(program: string): string {
  const tool = toolOf(program);
  if (!tool) return `Install ${program} and make sure that it is on PATH.`;
  const conda = `conda install -c conda-forge -c bioconda ${tool.conda}`;
  return `Install it with "apt-get install ${tool.apt}" or "${conda}", and make sure that it is on PATH.`;
}

/** Absolute path of a program, `undefined` when PATH has none that may be executed. */
export function findProgram(program: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (program.includes('/')) return isExecutable(resolve(program)) ? resolve(program) : undefined;
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => resolve(join(folder, program))).find(isExecutable);
}

/** Absolute path of a program; throws `ToolMissing` when there is none. */
export function requireProgram(program: string, env: NodeJS.ProcessEnv = process.env): string {
  const path = findProgram(program, env);
  if (path === undefined) throw new ToolMissing(program, installAdvice(program));
  return path;
}

const PASSED_ON = [
  'PATH',
  'HOME',
  'TMPDIR',
  'LD_LIBRARY_PATH',
  'JAVA_HOME',
  'JAVA_TOOL_OPTIONS',
  'PERL5LIB',
  'PYTHONPATH',
  'PYENV_ROOT',
  'CONDA_PREFIX',
] as const;

/**
 * The environment of every tool: what programs need to start, none of the server's own settings and secrets. Messages and
 * numbers come in the C locale, so that they can be parsed; file names keep the character set of the server.
 */
export function toolEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    LANG: 'C',
    LC_CTYPE: process.env.LC_ALL || process.env.LC_CTYPE || process.env.LANG || 'C.UTF-8',
  };
  for (const name of PASSED_ON) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return Object.assign(env, extra);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
