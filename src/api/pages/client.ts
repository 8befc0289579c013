import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the built web client lies when it is installed: the folder `client` beside `package.json`. */
export const CLIENT_FOLDER = fileURLToPath(new URL('../../../client', import.meta.url));

/** Where the page of release 3.7.3 has its icons from. */
export const ICON_HOST = 'https://use.fontawesome.com';

/** Where they are served from instead when a local folder holds them. */
export const ICON_PATH = '/icons';

/** What the client's page is told by text that stands in place of its tokens. */
export type PageFacts = { version: string; dev: boolean; first: boolean; login: boolean; nonce: string };

/** The client's page as built; undefined when no client is installed. */
export async function readClientPage(folder: string): Promise<string | undefined> {
  try {
    return await readFile(join(folder, 'index.html'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The client's page with its tokens replaced, wherever they occur. */
export function fillClientPage(page: string, facts: PageFacts): string {
  const tokens: Record<string, string> = {
    VERSION: facts.version,
    '"DEV"': String(facts.dev),
    '"FIRST"': String(facts.first),
    '"LOGIN"': String(facts.login),
    NONCE: facts.nonce,
  };
  return page.replace(/VERSION|"DEV"|"FIRST"|"LOGIN"|NONCE/g, (token) => tokens[token] ?? token);
}

/** The client's page with the addresses of its icons on this server. */
export function withLocalIcons(page: string): string {
  return page.replaceAll(`${ICON_HOST}/`, `${ICON_PATH}/`);
}
