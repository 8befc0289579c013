import type { RemoteTrouble } from '../../contracts/releases.js';
import { badGateway, Refusal } from './refusals.js';

/** The refusal for trouble with a service outside: 500 when the proxy does not know the server, else 502 with this message. */
export function remoteRefusal(trouble: RemoteTrouble, message: string): Refusal {
  const isProxy = trouble.reason === 'status' && trouble.status === 407;
  return isProxy ? new Refusal(500, 'proxy_error', 'Proxy authentication failed') : badGateway(message);
}
