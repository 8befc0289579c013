import { toJsonSchema } from '@valibot/to-json-schema';
import type * as v from 'valibot';
import type { Answer, Route } from './route.js';

type Json = Record<string, unknown>;

const DESCRIPTION =
  'Finds plant viruses in sequencing libraries. **To try it out here, sign in first**: `POST /api/account/login` under Account, with user ' +
  'and password; the browser then sends the session along. Scripts sign in with a user id and an API key (`POST /api/account/keys`).';

/** The OpenAPI 3.1 document of the routes. */
export function openApiDocument(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes.filter((each) => !each.page)) {
    const path = route.path.replace(/:(\w+)(\{[^}]*\})?/g, '{$1}');
    paths[path] ??= {};
    (paths[path] as Json)[route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Virtool', version, description: DESCRIPTION },
    paths,
    components: {
      schemas: { Error: ERROR_SCHEMA },
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: 'session_token', description: 'Set by POST /api/account/login' },
        key: { type: 'http', scheme: 'basic', description: 'User id and API key; needs the setting enable_api' },
      },
    },
  };
}

const ERROR_SCHEMA = {
  type: 'object',
  required: ['id', 'message'],
  properties: { id: { type: 'string' }, message: { type: 'string' }, errors: { type: 'object' } },
};

function operation(route: Route): Json {
  const isPublic = typeof route.access === 'object' && 'public' in route.access;
  return {
    summary: route.summary,
    description: `${route.description}\n\n${accessText(route)}`,
    tags: [route.tag],
    operationId: `${route.method.toLowerCase()}${route.path.replace(/[^a-z0-9]+/gi, '_')}`,
    ...(isPublic ? { security: [] } : { security: [{ session: [] }, { key: [] }] }),
    parameters: [...pathParameters(route), ...queryParameters(route)],
    ...(route.body ? { requestBody: { required: true, content: jsonContent(route.body) } } : {}),
    ...(route.rawBody ? { requestBody: { required: true, content: MULTIPART } } : {}),
    responses: Object.fromEntries(
      Object.entries({ ...commonRefusals(route), ...route.answers }).map(([status, answer]) => [
        status,
        response(status, answer),
      ]),
    ),
  };
}

/** The refusals that follow from a route's access and body, so that no route has to list them. */
function commonRefusals(route: Route): Record<number, Answer> {
  const isPublic = typeof route.access === 'object' && 'public' in route.access;
  return {
    ...(isPublic ? {} : { 401: 'Not signed in' }),
    ...(isPublic || route.access === 'user' ? {} : { 403: 'The caller lacks the right' }),
    ...(route.body ? { 400: 'Body is not JSON', 413: 'Body too large', 422: 'Body not as described' } : {}),
  };
}

const MULTIPART = {
  'multipart/form-data': {
    schema: { type: 'object', properties: { file: { type: 'string', contentMediaType: 'application/octet-stream' } } },
  },
};

function accessText({ access }: Route): string {
  if (access === 'user') return 'For signed-in users.';
  if (access === 'session') return 'For signed-in users, not with an API key.';
  if (access === 'administrator') return 'For administrators.';
  if ('public' in access) return `For everybody: ${access.public}.`;
  return `Needs the permission \`${access.permission}\`.`;
}

function pathParameters(route: Route): Json[] {
  return [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters(route: Route): Json[] {
  return Object.entries(route.query ?? {}).map(([name, description]) => ({
    name,
    in: 'query',
    description,
    schema: { type: 'string' },
  }));
}

function response(status: string, answer: Answer): Json {
  if (typeof answer !== 'string') return { description: answer.description, content: jsonContent(answer.schema) };
  if (Number(status) < 400) return { description: answer };
  return {
    description: answer,
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
  };
}

function jsonContent(schema: v.GenericSchema): Json {
  const { $schema: _, ...converted } = toJsonSchema(schema, { typeMode: 'input', errorMode: 'ignore' }) as Json;
  return { 'application/json': { schema: converted } };
}
