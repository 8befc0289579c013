import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { serveStatic } from '@hono/node-server/serve-static';
import type { Context } from 'hono';
import { createAuthenticate } from '../account/authentication.js';
import type { ApiDeps } from '../deps.js';
import { contentSecurityPolicy } from '../http/middleware.js';
import { type Env, publicRoute, type Route } from '../http/route.js';
import { CLIENT_FOLDER, fillClientPage, ICON_HOST, ICON_PATH, readClientPage, withLocalIcons } from './client.js';
import { escapeHtml, htmlPage, htmlResponse } from './html.js';
import { answerUnknownPath } from './not_found.js';

const PAGES = ['account', 'administration', 'home', 'hmm', 'jobs', 'otus', 'refs', 'samples', 'subtraction'];

/** Routes of the web client's pages and files. Without an installed client the pages show what this server is. */
export function createPageRoutes(deps: ApiDeps, clientFolder = CLIENT_FOLDER): Route[] {
  if (deps.config.no_client) return [];
  const paths = ['/', ...PAGES.flatMap((page) => [`/${page}`, `/${page}/*`])];
  const pages = paths.map((path) =>
    publicRoute({
      method: 'GET',
      path,
      page: true,
      access: { public: 'people sign in on it; it holds no data' },
      tag: 'Pages',
      summary: 'Web client',
      description: 'The page of the web client, or a short text when none is installed.',
      answers: { 200: 'HTML' },
      handle: ({ context }) => showPage(deps, clientFolder, context),
    }),
  );
  if (!existsSync(clientFolder)) return pages;
  const icons = deps.config.icons_path;
  return [...pages, clientFiles('/static', clientFolder), ...(icons ? [clientFiles(ICON_PATH, resolve(icons))] : [])];
}

function clientFiles(prefix: string, folder: string): Route {
  const serve = serveStatic<Env>({ root: folder, rewriteRequestPath: (path) => path.slice(prefix.length) });
  return publicRoute({
    method: 'GET',
    path: `${prefix}/*`,
    page: true,
    access: { public: 'the web client needs its files before anybody has signed in' },
    tag: 'Pages',
    summary: 'Files of the web client',
    description: 'Scripts, styles, fonts and images of the installed web client.',
    answers: { 200: 'The file', 404: 'No such file' },
    async handle({ context }) {
      return (await serve(context, async () => undefined)) ?? answerUnknownPath(context);
    },
  });
}

async function showPage(deps: ApiDeps, clientFolder: string, context: Context<Env>): Promise<Response> {
  const client = await readClientPage(clientFolder);
  if (client === undefined) return landingPage(deps.version);
  const [anyUser, caller] = await Promise.all([deps.store.users.any(), createAuthenticate(deps)(context)]);
  const nonce = context.get('nonce');
  const facts = { version: deps.version, dev: deps.config.dev, first: !anyUser, login: !caller, nonce };
  const hasIcons = deps.config.icons_path !== undefined;
  const page = htmlResponse(fillClientPage(hasIcons ? withLocalIcons(client) : client, facts));
  page.headers.set('Content-Security-Policy', contentSecurityPolicy(nonce, hasIcons ? undefined : ICON_HOST));
  return page;
}

function landingPage(version: string): Response {
  return htmlPage(
    'Virtool',
    `<h1>Virtool</h1>
<p>This server finds plant viruses in sequencing libraries. It runs (version ${escapeHtml(version)}), but no web client is
installed on it: use it from scripts, or put a built client into the folder <code>client</code> of the server.</p>
<ul>
<li><a href="/api/docs">Documentation of the interface</a>, to read and to try out: sign in there with
<code>POST /api/account/login</code>, and see results under Samples and Analyses</li>
<li><a href="/api/openapi.json">The same for programs</a> (OpenAPI)</li>
<li><a href="/health/ready">State of the server</a></li>
</ul>`,
  );
}
