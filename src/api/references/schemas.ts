import * as v from 'valibot';
import { DATA_TYPES } from '../../store/references/references.js';
import { flag, listOf, oneOf, optional, text, trimmed, trimmedFilled, withDefault } from '../http/fields.js';

/** The only repository that remote references come from. */
const REMOTE_SLUG = 'virtool/ref-plant-viruses';

/** What to give for the id of a release to have the latest one. */
export const LATEST_RELEASE = 'latest';

// It becomes part of an address.
const RELEASE_ID = /^(\d{1,15}|latest)$/;

/** Ways to fill a new reference; at most one may be in the body. */
const SOURCES = ['clone_from', 'import_from', 'remote_from'] as const;

const CreateFields = v.object({
  name: withDefault(trimmed(), ''),
  description: withDefault(trimmed(), ''),
  data_type: withDefault(oneOf(DATA_TYPES), 'genome'),
  organism: withDefault(text(), ''),
  clone_from: optional(text()),
  import_from: optional(text()),
  remote_from: optional(oneOf(['', REMOTE_SLUG])),
  release_id: withDefault(
    v.pipe(text(), v.regex(RELEASE_ID, 'must be the number of a release, or latest')),
    '11447367',
  ),
});

type CreateFields = v.InferOutput<typeof CreateFields>;

const alone = (source: (typeof SOURCES)[number]) => {
  const others = SOURCES.filter((other) => other !== source);
  const isAlone = (body: CreateFields) => body[source] === undefined || others.every((one) => body[one] === undefined);
  const message = `${others.map((one) => `'${one}'`).join(', ')} must not be present with '${source}'`;
  return v.forward<CreateFields, v.PartialCheckIssue<CreateFields>, [typeof source]>(
    v.partialCheck([['clone_from'], ['import_from'], ['remote_from']], isAlone as never, message),
    [source],
  );
};

/** Body of a new reference: blank, or filled from a reference, an uploaded file or a repository. */
export const CreateReference = v.pipe(CreateFields, alone('clone_from'), alone('import_from'), alone('remote_from'));
export type CreateReference = v.InferOutput<typeof CreateReference>;

/** Body of a change of a reference. */
export const EditReference = v.object({
  name: optional(trimmedFilled()),
  description: optional(trimmed()),
  data_type: optional(oneOf(DATA_TYPES)),
  organism: optional(trimmed()),
  internal_control: optional(text()),
  restrict_source_types: optional(flag()),
  source_types: optional(listOf(trimmedFilled())),
});
export type EditReference = v.InferOutput<typeof EditReference>;

const newRights = {
  build: withDefault(flag(), false),
  modify: withDefault(flag(), false),
  modify_otu: withDefault(flag(), false),
  remove: withDefault(flag(), false),
};

/** Body of a new group of a reference. */
export const AddGroup = v.object({ group_id: text(), ...newRights });

/** Body of a new user of a reference. */
export const AddUser = v.object({ user_id: text(), ...newRights });

/** Body of a change of a member's rights. */
export const EditRights = v.object({
  build: optional(flag()),
  modify: optional(flag()),
  modify_otu: optional(flag()),
  remove: optional(flag()),
});
