import * as v from 'valibot';
import type { Release, ReleaseAnswer, ReleaseService, RemoteTrouble, SoftwareAnswer } from '../contracts/releases.js';
import { downloadFile } from './download.js';
import { getJson, type Outgoing } from './http.js';

/** Where releases are published. */
export type ReleaseAddresses = {
  /** Base of the release service, which serves `/repos/<owner>/<name>/releases/latest`. */
  githubUrl: string;
  /** The list of the server's own releases. */
  softwareUrl: string;
};

const WebAddress = v.pipe(v.string(), v.url(), v.regex(/^https?:/i));

const GithubRelease = v.object({
  id: v.pipe(v.number(), v.integer()),
  name: v.nullish(v.string(), ''),
  tag_name: v.nullish(v.string(), ''),
  body: v.nullish(v.string(), ''),
  html_url: v.string(),
  published_at: v.nullish(v.string(), ''),
  assets: v.array(
    v.object({
      name: v.string(),
      size: v.pipe(v.number(), v.integer(), v.minValue(0)),
      content_type: v.nullish(v.string(), ''),
      browser_download_url: WebAddress,
      digest: v.nullish(v.string(), ''),
    }),
  ),
});

const SoftwareReleases = v.object({ virtool: v.array(v.looseObject({ name: v.string() })) });

/** The client of the release services. */
export function createReleaseService(outgoing: Outgoing, addresses: ReleaseAddresses): ReleaseService {
  const base = addresses.githubUrl.replace(/\/+$/, '');
  let pause: Extract<RemoteTrouble, { reason: 'rate_limited' }> | undefined;
  return {
    async find(slug, { id, etag, signal } = {}): Promise<ReleaseAnswer> {
      if (pause && pause.until.getTime() > Date.now()) return { ok: false, trouble: pause };
      const path = slug.split('/').map(encodeURIComponent).join('/');
      const headers = { Accept: 'application/vnd.github.v3+json', ...(etag ? { 'If-None-Match': etag } : {}) };
      const answer = await getJson(
        outgoing,
        `${base}/repos/${path}/releases/${id ?? 'latest'}`,
        GithubRelease,
        headers,
        signal,
      );
      if (!answer.ok) {
        if (answer.trouble.reason === 'rate_limited') pause = answer.trouble;
        return answer;
      }
      return { ok: true, release: answer.value ? toRelease(answer.value, answer.headers.etag ?? '') : null };
    },

    async listSoftware(signal): Promise<SoftwareAnswer> {
      const answer = await getJson(outgoing, addresses.softwareUrl, SoftwareReleases, {}, signal);
      if (!answer.ok) return answer;
      return { ok: true, releases: answer.value?.virtool ?? [] };
    },

    download: (download) => downloadFile(outgoing, download),
  };
}

function toRelease(found: v.InferOutput<typeof GithubRelease>, etag: string): Release | null {
  const [asset] = found.assets;
  if (!asset) return null;
  const sha256 = /^sha256:([0-9a-f]{64})$/.exec(asset.digest)?.[1];
  return {
    id: found.id,
    // Unnamed releases go by their tag.
    name: found.name || found.tag_name,
    body: found.body,
    etag,
    filename: asset.name,
    size: asset.size,
    html_url: found.html_url,
    download_url: asset.browser_download_url,
    published_at: found.published_at,
    content_type: asset.content_type,
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}
