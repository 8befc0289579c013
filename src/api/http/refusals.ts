/** Messages per field, nested like the body: what `errors` of a validation refusal holds. */
export type FieldErrors = { [field: string]: (string | FieldErrors)[] };

/**
 * A refusal in the form of the wire: status and error envelope. It is a value; throw it only from code that is called by
 * a route handler and cannot return.
 */
export class Refusal extends Error {
  override name = 'Refusal';
  constructor(
    readonly status: number,
    readonly id: string,
    message: string,
    readonly extra: Record<string, unknown> = {},
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }

  /** The error envelope. */
  get body(): Record<string, unknown> {
    return { id: this.id, message: this.message, ...this.extra };
  }
}

/** 400: the request makes no sense as things are. */
export const badRequest = (message: string) => new Refusal(400, 'bad_request', message);

/** 401: nobody is signed in. */
export const requiresAuthorization = () => new Refusal(401, 'requires_authorization', 'Requires authorization');

/** 403: the administrator flag is missing. */
export const requiresAdministrator = () => new Refusal(403, 'not_permitted', 'Requires administrative privilege');

/** 403: it takes a session. */
export const requiresSession = () =>
  new Refusal(403, 'not_permitted', 'API keys cannot change the account. Sign in with the password');

/** 403: a global permission is missing. */
export const notPermitted = () => new Refusal(403, 'not_permitted', 'Not permitted');

/** 403: a right on this document is missing. */
export const insufficientRights = (message = 'Insufficient rights') => new Refusal(403, 'insufficient_rights', message);

/** 404: there is no such document or path. */
export const notFound = (message = 'Not found') => new Refusal(404, 'not_found', message);

/** 409: the document's state forbids it. */
export const conflict = (message: string) => new Refusal(409, 'conflict', message);

/** 422: the body does not follow its schema. */
export const invalidInput = (errors: FieldErrors) => new Refusal(422, 'invalid_input', 'Invalid input', { errors });

/** 422: the URL query does not follow its schema. */
export const invalidQuery = (errors: FieldErrors) => new Refusal(422, 'invalid_query', 'Invalid query', { errors });

/** 429: too many tries; `seconds` until the next one. */
export const tooManyRequests = (message: string, seconds: number) =>
  new Refusal(429, 'too_many_requests', message, {}, { 'Retry-After': String(seconds) });

/** 502: a service outside does not answer as it should. */
export const badGateway = (message: string) => new Refusal(502, 'bad_gateway', message);

/** 503: the server cannot work at the moment. */
export const unavailable = (message: string) => new Refusal(503, 'unavailable', message, {}, { 'Retry-After': '5' });
