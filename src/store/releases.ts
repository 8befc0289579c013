import type { Release } from '../contracts/releases.js';
import { compareVersions } from './semantic_version.js';

/** The latest known release of something that can be installed. */
export type KnownRelease = Release & {
  /** Newer than what is installed. */
  newer: boolean;
  /** When the release service was asked last. */
  retrieved_at: Date;
};

/** A release that was installed, or is being installed. */
export type ReleaseUpdate = Omit<Release, 'content_type' | 'download_url' | 'etag'> & {
  /** As it was when the installation was asked for; absent where nothing was installed before. */
  newer?: boolean;
  created_at: Date;
  ready: boolean;
  user: { id: string };
  /** Why its installation failed. */
  error?: string;
};

/** Whether a release is newer than what is installed. Names that are no versions are newer when they differ. */
export function isNewerRelease(release: Pick<Release, 'name'>, installed: Pick<Release, 'name'>): boolean {
  const order = compareVersions(release.name, installed.name);
  return order === undefined ? release.name !== installed.name : order > 0;
}

/** The entry of a release whose installation has just been asked for. */
export function toReleaseUpdate(
  release: Release & Partial<KnownRelease>,
  userId: string,
  createdAt = new Date(),
): ReleaseUpdate {
  const { content_type: _, download_url: __, etag: ___, retrieved_at: ____, ...shown } = release;
  return { ...shown, created_at: createdAt, ready: false, user: { id: userId } };
}
