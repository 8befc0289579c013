import { mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { findProgram, TOOLS, type ToolInfo } from '../../tools/programs.js';
import { probeTool, type ToolReport } from '../../tools/versions.js';
import { LocalError } from '../errors.js';
import { lastLines, runCommand } from '../machine/commands.js';

const APT_LIMIT_MS = 15 * 60_000;
const SUDO_LIMIT_MS = 5_000;
const OPTIONAL_AGAIN_MS = 24 * 60 * 60_000;
const APT_LISTS = '/var/lib/apt/lists';

/** Where what is known about tools is kept, and who hears of an installation. */
export type ToolSetting = { cachePath: string; logger: Logger };

/**
 * Makes sure that all tools are there in a usable version, and installs those that are missing with apt-get
 * where that is possible without a question. Throws `LocalError` with the commands to run by hand; for an optional tool it only
 * says so, and does not try again the same day.
 */
export async function ensureTools(setting: ToolSetting): Promise<ToolReport[]> {
  const reports = await probeToolsQuickly(setting);
  const missing = TOOLS.filter((_, index) => reports[index]?.status === 'missing');
  const required = missing.filter(({ optional }) => optional === undefined);
  const problem = required.length > 0 ? await installWithApt(required, setting.logger) : undefined;
  await installOptional(
    missing.filter(({ optional }) => optional !== undefined),
    setting,
  );
  const after = missing.length > 0 ? await probeToolsQuickly(setting) : reports;
  const bad = after.filter(({ status }, index) => status !== 'ok' && TOOLS[index]?.optional === undefined);
  if (bad.length === 0) return after;
  const found = bad.map(({ name, status, detail, version, path }) => {
    const which = [name, version, path && `(${path})`].filter(Boolean).join(' ');
    return `${which}: ${status}. ${detail}`;
  });
  throw new LocalError(
    [`These tools are missing or cannot be used:`, ...found, ...(problem === undefined ? [] : [problem])].join('\n  '),
    byHand(TOOLS.filter(({ name }) => bad.some((report) => report.name === name))),
  );
}

async function installOptional(tools: readonly ToolInfo[], { cachePath, logger }: ToolSetting): Promise<void> {
  const record = join(cachePath, 'optional_tools.json');
  const failedAt = statSync(record, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (tools.length === 0 || Date.now() - failedAt < OPTIONAL_AGAIN_MS) return;
  const problem = await installWithApt(tools, logger);
  if (problem === undefined) return;
  for (const { name, apt, optional } of tools) logger.info(`${name} (package ${apt}) is missing. ${optional}`);
  mkdirSync(cachePath, { recursive: true });
  writeFileSync(record, JSON.stringify({ problem }));
}

function byHand(tools: readonly ToolInfo[]): string[] {
  const apt = tools.map((tool) => tool.apt).join(' ');
  const conda = tools.map((tool) => tool.conda).join(' ');
  return [
    `Debian, Ubuntu: sudo apt-get update && sudo apt-get install -y ${apt}`,
    `conda: conda install -c conda-forge -c bioconda ${conda}`,
    'Container, with all tools in it: docker compose up',
  ];
}

/** Returns why it could not be done; undefined when apt-get says that it was. */
async function installWithApt(tools: readonly ToolInfo[], logger: Logger): Promise<string | undefined> {
  const prefix = await aptPrefix();
  if (typeof prefix === 'string') return `They were not installed: ${prefix}.`;
  const packages = tools.map((tool) => tool.apt);
  const begin = Date.now();
  logger.info(`Installing ${packages.join(', ')} with apt-get`);
  const apt = (...args: string[]) => {
    const [command = '', ...rest] = [...prefix, 'apt-get', '-y', '-q', '-o', 'DPkg::Lock::Timeout=120', ...args];
    return runCommand(command, rest, {
      limitMs: APT_LIMIT_MS,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  };
  const install = () => apt('install', '--no-install-recommends', ...packages);
  const hadLists = hasPackageLists();
  if (!hadLists) await apt('update');
  let result = await install();
  // Old lists name packages that the mirrors no longer have.
  if (result.code !== 0 && hadLists && (await apt('update')).code === 0) result = await install();
  if (result.code !== 0) return `apt-get could not install them: ${lastLines(result.stderr, 2)}`;
  logger.info(`Installed ${packages.join(', ')} in ${((Date.now() - begin) / 1000).toFixed(1)} s`);
  return undefined;
}

async function aptPrefix(): Promise<string[] | string> {
  if (findProgram('apt-get') === undefined) return 'there is no apt-get here';
  if (process.getuid?.() === 0) return [];
  if (findProgram('sudo') === undefined) return 'apt-get needs root, and there is no sudo';
  const allowed = await runCommand('sudo', ['-n', 'true'], { limitMs: SUDO_LIMIT_MS });
  // sudo cleans the environment, so what apt-get needs of it is set behind it.
  if (allowed.code === 0) return ['sudo', '-n', 'env', 'DEBIAN_FRONTEND=noninteractive'];
  return 'apt-get needs root, and sudo asks for a password';
}

function hasPackageLists(): boolean {
  try {
    return readdirSync(APT_LISTS).some((file) => file.endsWith('_Packages') || file.includes('_Packages.'));
  } catch {
    return false;
  }
}

/** Like `probeTools`, but asks a program for its version only when its file is another one than last time. */
export async function probeToolsQuickly({ cachePath }: { cachePath: string }): Promise<ToolReport[]> {
  const known = readKnown(cachePath);
  const reports = await Promise.all(
    TOOLS.map(async (tool): Promise<[string, ToolReport]> => {
      const key = fingerprint(tool);
      const before = key === undefined ? undefined : known[key];
      return [key ?? '', before ?? (await probeTool(tool))];
    }),
  );
  const good = Object.fromEntries(reports.filter(([key, report]) => key !== '' && report.status === 'ok'));
  if (JSON.stringify(good) !== JSON.stringify(known)) writeKnown(cachePath, good);
  return reports.map(([, report]) => report);
}

// A tool is known by the files of all its programs; undefined when one is missing.
function fingerprint(tool: ToolInfo): string | undefined {
  const parts = tool.programs.map((program) => {
    const path = findProgram(program);
    if (path === undefined) return undefined;
    const { size, mtimeMs } = statSync(realpathSync(path));
    return `${path} ${size} ${mtimeMs}`;
  });
  return parts.includes(undefined) ? undefined : parts.join('; ');
}

type Known = Record<string, ToolReport>;

function readKnown(cachePath: string): Known {
  try {
    return JSON.parse(readFileSync(join(cachePath, 'tools.json'), 'utf8')) as Known;
  } catch {
    // Nothing is known yet, or the file was cut; then all are asked.
    return {};
  }
}

function writeKnown(cachePath: string, known: Known): void {
  const draft = join(cachePath, `tools.json.${process.pid}`);
  try {
    mkdirSync(cachePath, { recursive: true });
    writeFileSync(draft, JSON.stringify(known));
    renameSync(draft, join(cachePath, 'tools.json'));
  } catch {
    // It only saves time: another user's folder, or a full disk, must not keep the server from starting.
  }
}
