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
        '`{operation, interface, data, number}`: `insert` and `update` carry a document, which takes the place of one with the same id, ' +
        '`delete` a list of ids. Only what the user may see is sent. What the client sends is ignored.\n\n' +
        'A client that comes back gives the `number` of its last message as `after` and gets first what it has missed: each changed document ' +
        'once, as it is now and if the user may see it now. Where that is not possible (another or restarted server, more than 500 ' +
        'documents, an empty `after`) and whenever an open socket has missed messages (it was too slow, changes could not be read, or the ' +
        'rights of the user or of a sample or reference are others or it is gone), it gets `{operation: "resync", interface: "all", data: null, number}`: ' +
        'it reads again what it shows, and handles messages that come meanwhile afterwards. A number belongs to the user that has got it. ' +
        'While a reference is imported, updated or removed, its own messages stand for those of its OTUs and history.\n\n' +
        'The socket stays open when the session ends: it is silent then, and after the ' +
        'next sign-in in the same browser it has the rights of whoever has signed in. After twelve hours without it closes with 1008.',
      query: { after: '`number` of the last message that the client has got; empty where there was none' },
      tag: 'messages',
      answers: {
        101: 'The socket is open',
        400: 'Not a WebSocket handshake, or `after` is no number of a message',
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
