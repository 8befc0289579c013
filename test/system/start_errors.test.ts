import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHome, type Home, runServer } from './support.js';

const LIMIT = { timeout: 60_000 };

let home: Home;
beforeEach(() => {
  home = createHome();
});
afterEach(() => home.dispose());

/** What a start that cannot succeed says; it ends with 1 and leaves no process. */
async function refusal(options: readonly string[]): Promise<string> {
  const ended = await runServer(home, options);
  expect(ended.code).toBe(1);
  expect(home.processes()).toEqual([]);
  return ended.stderr;
}

describe('a start that cannot succeed says what is wrong and what to do', () => {
  test('an unknown option', LIMIT, async () => {
    expect(await refusal(['--prot=9950'])).toMatch(/--prot.*virtool help/s);
  });

  test('a share of a job above that of the host', LIMIT, async () => {
    expect(await refusal(['--proc=1', '--lg-proc=2'])).toMatch(/--lg-proc is 2.*at most 1/s);
  });

  test('a port that is taken', LIMIT, async () => {
    const other: Server = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    try {
      expect(await refusal([`--port=${port}`])).toMatch(new RegExp(`${port}.*--port`, 's'));
    } finally {
      other.close();
    }
  });

  test('a data directory that is a file', LIMIT, async () => {
    writeFileSync(home.dataPath, 'not a folder');
    expect(await refusal([])).toMatch(/data directory|--data-path/i);
  });
});
