import { publicRoute, type Route } from '../http/route.js';

/** Answers requests for the socket's path that do not want to become a socket. */
export function createDispatchRoutes(): Route[] {
  return [
    publicRoute({
      method: 'GET',
      path: '/ws',
      access: { public: 'the handshake of the socket checks the session itself' },
      summary: 'Messages about changes, over WebSocket',
      description:
        'Becomes a WebSocket for signed-in browsers of our own pages. Each message is a JSON text frame ' +
        '`{operation, interface, data}`: `insert` and `update` carry a document, `delete` a list of ids. Only what the ' +
        'user may see is sent. What the client sends is ignored. The socket stays open when the session ends: it is silent then, and after the ' +
        'next sign-in in the same browser it has the rights of whoever has signed in. After twelve hours without it closes with 1008.',
      tag: 'messages',
      answers: {
        101: 'The socket is open',
        400: 'Not a WebSocket handshake',
        401: 'Nobody is signed in',
        403: 'The page is of another site',
      },
      async handle({ context }) {
        const upgrade = context.req.header('Upgrade') ?? 'None';
        const text = `No WebSocket UPGRADE hdr: ${upgrade}\n Can "Upgrade" only to "WebSocket".`;
        return new Response(text, { status: 400, headers: { 'Content-Type': 'text/plain; charset=utf-8' } });
      },
    }),
  ];
}
