import * as v from 'valibot';
import type { Config } from '../../config.js';
import type { Settings } from '../../store/settings.js';
import type { ApiDeps } from '../deps.js';
import { document, filled, flag, integer, listOf, oneOf, optional, share, text, trimmed } from '../http/fields.js';
import { common } from '../http/right.js';
import { json, type Route, route } from '../http/route.js';

const TAG = 'Settings';
const SLUG = /^[A-Za-z0-9][A-Za-z0-9-]*\/[A-Za-z0-9_][A-Za-z0-9._-]*$/;
/** The longest password that can be asked for, in bytes: that of bcrypt. */
const MAXIMUM_PASSWORD_LENGTH = 72;

const SettingsBody = v.object({
  sample_group: optional(text()),
  sample_group_read: optional(flag()),
  sample_group_write: optional(flag()),
  sample_all_read: optional(flag()),
  sample_all_write: optional(flag()),
  sample_unique_names: optional(flag()),
  hmm_slug: optional(v.pipe(trimmed(), v.regex(SLUG, 'must be owner/name of a GitHub repository'))),
  enable_api: optional(flag()),
  enable_sentry: optional(flag()),
  software_channel: optional(oneOf(['stable', 'beta', 'alpha'])),
  minimum_password_length: optional(
    v.pipe(
      integer(),
      v.minValue(1, 'min value is 1'),
      v.maxValue(MAXIMUM_PASSWORD_LENGTH, `max value is ${MAXIMUM_PASSWORD_LENGTH}`),
    ),
  ),
  default_source_types: optional(listOf(filled())),
  decision_thresholds: optional(
    v.pipe(
      document({ positive_coverage: share(), negative_coverage: share(), strong_weight: share() }),
      v.check(
        ({ positive_coverage, negative_coverage }) => negative_coverage <= positive_coverage,
        'negative_coverage must not be above positive_coverage',
      ),
    ),
  ),
});

/** Routes of the server's settings. */
export function createSettingsRoutes({ store, config }: ApiDeps): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/settings',
      access: 'user',
      right: common('settings of the server'),
      tag: TAG,
      summary: 'Show the settings',
      description:
        'Settings and limits of the server. The paths are shown to administrators only, and empty for others.',
      answers: { 200: 'The settings' },
      handle: async ({ caller }) => json(toWireSettings(await store.settings.get(), config, caller.administrator)),
    }),
    route({
      method: 'PATCH',
      path: '/api/settings',
      access: 'administrator',
      right: common('settings of the server'),
      tag: TAG,
      audit: 'settings',
      summary: 'Change the settings',
      description:
        'Changes the settings that are given. Limits and paths are configuration and cannot be changed here. ' +
        '`decision_thresholds` are given all three: a virus is called positive above `positive_coverage` and `strong_weight`, negative ' +
        'below `negative_coverage`, and else suspect. They hold at once for all analyses, also for finished ones.',
      body: SettingsBody,
      answers: {
        200: 'All settings',
      },
      handle: async ({ body }) => json(toWireSettings(await store.settings.update(body), config, true)),
    }),
  ];
}

function toWireSettings(settings: Settings, config: Config, showPaths: boolean) {
  const { data_path, watch_path, proc, mem, lg_proc, lg_mem, sm_proc, sm_mem } = config;
  const paths = showPaths ? { data_path, watch_path } : { data_path: '', watch_path: '' };
  return { ...settings, ...paths, proc, mem, lg_proc, lg_mem, sm_proc, sm_mem };
}
