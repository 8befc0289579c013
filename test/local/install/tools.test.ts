import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { LocalError } from '../../../src/local/errors.js';
import { ensureTools } from '../../../src/local/install/tools.js';
import { TOOLS } from '../../../src/tools/programs.js';
import { testFolder } from '../../support/folders.js';
import { listener, onlyOnPath, writeProgram } from '../support.js';

afterEach(() => vi.unstubAllEnvs());

const VERSION_TEXTS: Record<string, string> = {
  bowtie2: 'version 2.5.0',
  skewer: 'skewer version: 0.2.2',
  'spades.py': 'SPAdes genome assembler v3.15.5',
  hmmscan: '# HMMER 3.3.2 (Nov 2020)',
  pigz: 'pigz 2.6',
  igzip: 'igzip command line interface 2.30.0',
};

/** The same with programs that only tell their versions, in place of all tools but one. */
function toolsExcept(missing: string): string {
  const folder = onlyOnPath();
  for (const program of TOOLS.flatMap(({ programs }) => programs)) {
    if (program !== missing) writeProgram(folder, program, `echo "${VERSION_TEXTS[program] ?? ''}"`);
  }
  return folder;
}

test('missing tools that cannot be installed are named with the commands for three ways', async () => {
  toolsExcept('pigz');
  const error = await ensureTools({ cachePath: testFolder(), logger: listener().logger }).catch((reason) => reason);
  expect(error).toBeInstanceOf(LocalError);
  const text = (error as LocalError).text();
  expect(text).toContain('pigz: missing. pigz is not on PATH.\n');
  expect(text).toContain('there is no apt-get here');
  expect(text).toContain('sudo apt-get update && sudo apt-get install -y pigz\n');
  expect(text).toContain('conda install -c conda-forge -c bioconda pigz\n');
  expect(text).toContain('docker compose up');
});

test('a tool of a wrong version is named with its version, its place and what is needed', async () => {
  writeProgram(toolsExcept('skewer'), 'skewer', 'echo "skewer version: 0.1.5"');
  await expect(ensureTools({ cachePath: testFolder(), logger: listener().logger })).rejects.toThrow(
    /skewer 0\.1\.5 \(.*\/skewer\): wrong version\. 0\.2\.2 or newer is needed/,
  );
});

// Only root may try apt-get without a question.
test.runIf(process.getuid?.() === 0)('missing tools are installed with apt-get in one command', async () => {
  const folder = toolsExcept('pigz');
  const install = `printf '#!/bin/sh\\necho pigz 2.6\\n' > ${folder}/pigz; /bin/chmod 755 ${folder}/pigz`;
  writeProgram(folder, 'apt-get', `echo "$@" >> ${folder}/asked; ${install}`);
  const { logger, lines } = listener();
  const reports = await ensureTools({ cachePath: testFolder(), logger });
  expect(reports.map(({ status }) => status)).toEqual(TOOLS.map(() => 'ok'));
  expect(readFileSync(join(folder, 'asked'), 'utf8')).toMatch(/install --no-install-recommends pigz\n$/);
  expect(lines).toEqual(['Installing pigz with apt-get', expect.stringMatching(/^Installed pigz in \d+\.\d s$/)]);
});

test('an optional tool that cannot be installed stops nothing, is named once and not tried again that day', async () => {
  toolsExcept('igzip');
  const { logger, lines } = listener();
  const setting = { cachePath: testFolder(), logger };
  const reports = await ensureTools(setting);
  expect(reports.filter(({ status }) => status !== 'ok').map(({ name }) => name)).toEqual(['igzip']);
  expect(lines).toEqual(['igzip (package isal) is missing. Trimmed reads are compressed faster with it.']);
  await ensureTools(setting);
  expect(lines).toHaveLength(1);
});

test('a tool is asked for its version again only when its file changed', async () => {
  const folder = toolsExcept('pigz');
  const cachePath = testFolder();
  const setting = { cachePath, logger: listener().logger };
  writeProgram(folder, 'pigz', `echo asked >> ${cachePath}/asked; echo "pigz 2.6"`);
  await ensureTools(setting);
  await ensureTools(setting);
  expect(readFileSync(join(cachePath, 'asked'), 'utf8')).toBe('asked\n');
  writeProgram(folder, 'pigz', `echo asked again >> ${cachePath}/asked; echo "pigz 2.8"`);
  const reports = await ensureTools(setting);
  expect(reports.find(({ command }) => command === 'pigz')?.version).toBe('2.8');
});
