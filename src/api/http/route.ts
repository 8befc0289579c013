import type { Context } from 'hono';
import type * as v from 'valibot';
import type { Logger } from '../../log.js';
import type { AuditAction } from '../../store/audit.js';
import type { Access, Caller } from './caller.js';
import { encodeJson } from './json.js';
import type { RawQuery } from './paging.js';
import type { Refusal } from './refusals.js';
import type { Right } from './right.js';

/** Values that the server keeps with each request. */
export type Env = {
  Variables: {
    requestId: string;
    nonce: string;
    log: Logger;
    /** That of the client. */
    address?: string;
    /** A trusted proxy says that it was asked over TLS. */
    isForwardedTls?: boolean;
    /** The user whom a request of somebody who is not signed in is about. */
    actor?: string;
  };
};

/** What a handler gets: the checked request. */
export type RouteRequest<Body, Who, Subject = undefined> = {
  context: Context<Env>;
  caller: Who;
  /** Path parameters, decoded. */
  params: Record<string, string>;
  query: RawQuery;
  body: Body;
  /** What the route's right has found. */
  subject: Subject;
  log: Logger;
};

/** What a handler answers: a response, or the refusal. */
export type RouteResult = Response | Refusal;

/** Documentation of an answer: its meaning and, where it has one, the schema of its body. */
export type Answer = string | { description: string; schema: v.GenericSchema };

type RouteBase = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path with `:name` for parameters. */
  path: string;
  /** One line for the list of routes. */
  summary: string;
  /** What it does, what it changes and when it refuses, for people who write clients. */
  description: string;
  tag: string;
  /** Query keys with a line of documentation each. */
  query?: Record<string, string>;
  answers: Record<number, Answer>;
  /** What the audit log calls its requests; removals are audited without it. */
  audit?: AuditAction;
  /** Largest body in bytes; 1 MiB unless given. */
  bodyLimit?: number;
  /** True when the handler reads the body itself, as uploads do. */
  rawBody?: boolean;
  /** A body that is not JSON counts as `{}` instead of being refused. */
  brokenJson?: 'empty';
  /** True for pages and their files, which are no part of the documented interface. */
  page?: boolean;
};

/** A route as registered, documented and checked. */
export type Route = RouteBase & {
  access: Access;
  /** Absent on routes for everybody. */
  right?: Right<unknown>;
  body?: v.GenericSchema;
  handle(request: RouteRequest<unknown, Caller | undefined, unknown>): Promise<RouteResult>;
};

type Secured<S extends v.GenericSchema | undefined, Subject> = RouteBase & {
  access: Exclude<Access, { public: string }>;
  /** The right on what the path names, or how a list is limited; looked at before the handler, which gets what it finds. */
  right: Right<Subject>;
  body?: S;
  handle(
    request: RouteRequest<S extends v.GenericSchema ? v.InferOutput<S> : undefined, Caller, Subject>,
  ): Promise<RouteResult>;
};

type Public<S extends v.GenericSchema | undefined> = RouteBase & {
  access: { public: string };
  body?: S;
  handle(
    request: RouteRequest<S extends v.GenericSchema ? v.InferOutput<S> : undefined, undefined>,
  ): Promise<RouteResult>;
};

/** A route for signed-in users. Its access, its right, its body's schema and its documentation stand together. */
export function route<Subject, S extends v.GenericSchema | undefined = undefined>(
  definition: Secured<S, Subject>,
): Route {
  return definition as unknown as Route;
}

/** A route for everybody; `access.public` gives the reason. */
export function publicRoute<S extends v.GenericSchema | undefined = undefined>(definition: Public<S>): Route {
  return definition as unknown as Route;
}

const JSON_TYPE = 'application/json; charset=utf-8';

/** An answer with a JSON body. */
export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(encodeJson(body), { status, headers: { 'Content-Type': JSON_TYPE, ...headers } });
}

/**
 * An answer with a JSON body, to which a member is added whose value is JSON already, in pieces: encoding it would take long, and so would
 * copying it together.
 */
export function jsonWith(body: object, name: string, value: readonly Uint8Array[]): Response {
  const head = Buffer.from(`${encodeJson(body).slice(0, -1)},${JSON.stringify(name)}:`);
  const pieces = [head, ...value, Buffer.from('}')];
  const length = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  const content = new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
  return new Response(content, { headers: { 'Content-Type': JSON_TYPE, 'Content-Length': String(length) } });
}

/**
 * An answer with a JSON list, encoded one item at a time and only as fast as the client reads. An item that cannot be read is logged, and
 * the answer then breaks off, as its status is sent already.
 */
export function jsonList(items: AsyncIterable<unknown>, log: Logger): Response {
  const pieces = listPieces(items);
  const content = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { value, done } = await pieces.next();
          if (done) controller.close();
          else controller.enqueue(Buffer.from(value));
        } catch (err) {
          log.error({ err }, 'a list was broken off');
          controller.error(err);
        }
      },
      async cancel() {
        await pieces.return();
      },
    },
    // Nothing is read before somebody wants it.
    { highWaterMark: 0 },
  );
  return new Response(content, { headers: { 'Content-Type': JSON_TYPE } });
}

async function* listPieces(items: AsyncIterable<unknown>): AsyncGenerator<string, void, undefined> {
  let before = '[';
  for await (const item of items) {
    yield before + encodeJson(item);
    before = ',';
  }
  yield before === '[' ? '[]' : ']';
}

/** 201 with the new document and its path, whose parts are percent-encoded by the caller with {@link path}. */
export function created(body: unknown, location: string): Response {
  return json(body, 201, { Location: location });
}

/** 204 without a body. */
export function noContent(): Response {
  return new Response(null, { status: 204 });
}

/** A path whose parameters are percent-encoded: path`/api/samples/${id}`. */
export function path(parts: TemplateStringsArray, ...values: string[]): string {
  return parts.reduce((done, part, index) => done + encodeURIComponent(values[index - 1] ?? '') + part);
}
