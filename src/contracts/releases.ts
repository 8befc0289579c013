/** A release on the release service, with its first file. */
export type Release = {
  id: number;
  /** Usually a version such as `v1.2.0`. */
  name: string;
  /** Notes in Markdown. */
  body: string;
  /** What to send with the next question, so that an unchanged release costs nothing. */
  etag: string;
  filename: string;
  /** Bytes of the file. */
  size: number;
  html_url: string;
  download_url: string;
  published_at: string;
  content_type: string;
  /** SHA-256 of the file in hexadecimal; absent where the service does not tell it. */
  sha256?: string;
};

/** Why a service outside gave no answer that can be used. */
export type RemoteTrouble =
  | { reason: 'not_found' | 'unreachable' | 'unreadable' | 'too_large' }
  | { reason: 'status'; status: number }
  /** The service takes no more questions before this moment. */
  | { reason: 'rate_limited'; until: Date };

/** What the release service says; no release when it is unchanged, or has no file. */
export type ReleaseAnswer = { ok: true; release: Release | null } | { ok: false; trouble: RemoteTrouble };

/** A release of the server itself, as the list of releases describes it. */
export type SoftwareRelease = { name: string; [field: string]: unknown };

/** The server's own releases, newest first. */
export type SoftwareAnswer = { ok: true; releases: SoftwareRelease[] } | { ok: false; trouble: RemoteTrouble };

/** A file from outside that is on disk now, or why not. */
export type DownloadAnswer = { ok: true; bytes: number } | { ok: false; trouble: RemoteTrouble };

/** What to download: into a file under a partial name, which may be there in part after trouble. */
export type Download = {
  url: string;
  path: string;
  /** More bytes than these end the download. */
  limitBytes: number;
  signal: AbortSignal;
  onBytes(bytes: number): void;
};

/**
 * The services that publish releases. Each call has a time limit; trouble is a value, an abort by the signal is thrown. A service that takes no
 * more questions for a while is not asked before that is over.
 */
export type ReleaseService = {
  /** A release of a repository `owner/name`, the latest one unless an id is given. */
  find(
    slug: string,
    options?: { id?: number; etag?: string | undefined; signal?: AbortSignal },
  ): Promise<ReleaseAnswer>;
  /** The releases of the server. */
  listSoftware(signal?: AbortSignal): Promise<SoftwareAnswer>;
  download(download: Download): Promise<DownloadAnswer>;
};

/** What the status document and the refusal of a release check say, as release 3.7.3 words it. */
export function releaseTroubleText(trouble: RemoteTrouble): string {
  switch (trouble.reason) {
    case 'not_found':
      return 'GitHub repository does not exist';
    case 'unreachable':
      return 'Could not reach GitHub';
    case 'status':
      return `Encountered error ${trouble.status}`;
    case 'rate_limited':
      return `GitHub answers no more requests until ${trouble.until.toISOString()}`;
    case 'unreadable':
    case 'too_large':
      return 'GitHub sent an answer that cannot be read';
  }
}
