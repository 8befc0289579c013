import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { ApiDeps } from '../deps.js';
import { openApiDocument } from '../http/openapi.js';
import { notFound } from '../http/refusals.js';
import { json, publicRoute, type Route } from '../http/route.js';
import { htmlResponse } from '../pages/html.js';

const TAG = 'Documentation';
const REASON = 'a description of the interface is needed before one signs in; it holds no data';
const ASSETS: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

/** Routes of the documentation: the OpenAPI document of all routes, and a page that shows it without other hosts. */
export function createDocumentationRoutes({ version }: ApiDeps, allRoutes: () => readonly Route[]): Route[] {
  let document: Record<string, unknown> | undefined;
  return [
    publicRoute({
      method: 'GET',
      path: '/api/openapi.json',
      access: { public: REASON },
      tag: TAG,
      summary: 'Describe the interface for programs',
      description: 'OpenAPI 3.1 document of every route.',
      answers: { 200: 'The document' },
      async handle() {
        document ??= openApiDocument(allRoutes(), version);
        return json(document);
      },
    }),
    publicRoute({
      method: 'GET',
      path: '/api/docs',
      page: true,
      access: { public: REASON },
      tag: TAG,
      summary: 'Describe the interface for people',
      description: 'Page that shows the OpenAPI document and lets one try the routes out.',
      answers: { 200: 'HTML' },
      handle: async ({ context }) => htmlResponse(documentationPage(context.get('nonce'))),
    }),
    publicRoute({
      method: 'GET',
      path: '/api/docs/assets/:file',
      page: true,
      access: { public: REASON },
      tag: TAG,
      summary: 'Files of the documentation page',
      description: 'Script, style and icon of the documentation page.',
      answers: { 200: 'The file', 404: 'No such file' },
      async handle({ params }) {
        const file = params.file ?? '';
        const type = Object.hasOwn(ASSETS, file) ? ASSETS[file] : undefined;
        if (!type) return notFound();
        const content = await readFile(join(assetFolder(), file));
        return new Response(new Uint8Array(content), {
          headers: { 'Content-Type': type, 'Cache-Control': 'public, max-age=86400' },
        });
      },
    }),
  ];
}

function assetFolder(): string {
  const require = createRequire(import.meta.url);
  return dirname(require.resolve('swagger-ui-dist/package.json'));
}

function documentationPage(nonce: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Virtool interface</title>
<link rel="stylesheet" href="/api/docs/assets/swagger-ui.css">
<link rel="icon" type="image/png" href="/api/docs/assets/favicon-32x32.png">
</head>
<body>
<div id="documentation"></div>
<script src="/api/docs/assets/swagger-ui-bundle.js"></script>
<script nonce="${nonce}">
SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#documentation',
  deepLinking: true,
  docExpansion: 'list',
  tagsSorter: 'alpha',
  displayRequestDuration: true,
  validatorUrl: null,
});
</script>
</body>
</html>
`;
}
