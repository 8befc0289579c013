import { WebSocket } from 'ws';

type Row = { id: string } & Record<string, unknown>;

/** What a client shows: documents of each interface by id. */
export type Lists = Map<string, Map<string, Row>>;

type Message = { operation: string; interface: string; data: Row | string[] | null; number: string };

/** A page that reads lists once and keeps them up to date by messages alone, over cuts of its socket. */
export type LiveLists = {
  readonly lists: Lists;
  /** Cuts the socket as a lost network does. */
  cut(): void;
  /** Opens it again, where the last one ended; on another server if one is given. */
  open(url: string): Promise<void>;
  /** Whether the socket is open and all that has come is shown. */
  isCurrent(): boolean;
  readonly counts: { resyncs: number; replays: number; messages: number };
};

/** Reads the lists that somebody may read, whole. */
export async function readLists(url: string, cookie: string, paths: Record<string, string>): Promise<Lists> {
  const lists: Lists = new Map();
  for (const [name, path] of Object.entries(paths)) {
    const rows: Row[] = [];
    for (let page = 1, pages = 1; page <= pages; page += 1) {
      const response = await fetch(`${url}${path}?per_page=100&page=${page}`, { headers: { cookie } });
      const body = (await response.json()) as Row[] | { documents: Row[]; page_count: number };
      if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${JSON.stringify(body)}`);
      rows.push(...(Array.isArray(body) ? body : body.documents));
      pages = Array.isArray(body) ? 1 : body.page_count;
    }
    lists.set(name, new Map(rows.map((row) => [row.id, row])));
  }
  return lists;
}

/** Creates such a page for the user of the cookie, not yet open. */
export function createLiveLists(cookie: string, paths: Record<string, string>): LiveLists {
  let lists: Lists = new Map();
  let socket: WebSocket | undefined;
  let number = '';
  let url = '';
  let waiting: Message[] | undefined;
  let isOutdated = false;
  const counts = { resyncs: 0, replays: 0, messages: 0 };

  const apply = ({ interface: name, operation, data }: Message): void => {
    const rows = lists.get(name);
    if (!rows || !data) return;
    if (Array.isArray(data)) for (const id of data) rows.delete(id);
    else if (operation !== 'delete') rows.set(data.id, data);
  };
  // What comes while the lists are read may be newer than they are.
  const reload = async (): Promise<void> => {
    waiting = [];
    do {
      isOutdated = false;
      waiting = [];
      lists = await readLists(url, cookie, paths);
    } while (isOutdated);
    for (const message of waiting) apply(message);
    waiting = undefined;
  };
  const take = (text: string): void => {
    const message: Message = JSON.parse(text);
    counts.messages += 1;
    number = message.number;
    if (message.operation === 'resync') {
      counts.resyncs += 1;
      isOutdated = true;
      if (!waiting) void reload();
    } else if (waiting) waiting.push(message);
    else apply(message);
  };

  return {
    get lists() {
      return lists;
    },
    counts,
    isCurrent: () => socket?.readyState === WebSocket.OPEN && waiting === undefined,
    cut() {
      socket?.removeAllListeners('message').terminate();
      socket = undefined;
    },
    async open(to) {
      url = to;
      if (number !== '') counts.replays += 1;
      const opened = new WebSocket(`${url.replace('http', 'ws')}/ws?after=${number}`, { headers: { cookie } });
      socket = opened;
      opened.on('message', (data) => take(String(data)));
      await new Promise((resolve, reject) => opened.once('open', resolve).once('error', reject));
    },
  };
}
