/** What a person has filled in so far, and whether it can be meant. Pure. */

import type { IPreset } from '../../cluster/state';
import { sameOptions } from '../options/chosen';

/** Names of profiles and clusters, as the server takes them. */
const NAME = /^(?!\.)[A-Za-z0-9_.-]{1,64}$/;

/** The state of the form. */
export interface IDraft {
  readonly profile: string;
  readonly clusterId: string;
  readonly launcher: string;
  readonly engines: number;
  readonly options: Readonly<Record<string, unknown>>;
  /** Whether launcher and options are to be the profile's from now on. */
  readonly remember: boolean;
}

/** The fields whose content cannot be meant. */
export function faults(draft: IDraft): ReadonlySet<keyof IDraft> {
  const found = new Set<keyof IDraft>();
  if (!NAME.test(draft.profile)) {
    found.add('profile');
  }
  if (draft.clusterId !== '' && !NAME.test(draft.clusterId)) {
    found.add('clusterId');
  }
  if (!Number.isInteger(draft.engines) || draft.engines < 0) {
    found.add('engines');
  }
  return found;
}

/** The number of the preset that the options hold, as a choice; empty when they hold none. */
export function presetOf(draft: IDraft, presets: readonly IPreset[]): string {
  const holds = ({ options }: IPreset) =>
    Object.keys(options).length > 0 &&
    // The form adds the defaults of other fields by itself.
    sameOptions(
      options,
      Object.fromEntries(
        Object.keys(options).map(name => [name, draft.options[name]])
      )
    );
  const found = presets.findIndex(holds);
  return found < 0 ? '' : String(found);
}

/** What a preset fills in; none empties the options. */
export function withPreset(preset: IPreset | undefined): Partial<IDraft> {
  const options = preset?.options ?? {};
  const engines = preset?.engines ?? null;
  return engines === null ? { options } : { options, engines };
}

/** What the server has against a draft: of which field, and of which option. */
export interface IRefusal {
  readonly message: string;
  readonly field: keyof IDraft | null;
  /** The way to the option: `['hosts', '0', 'host']`. */
  readonly path: readonly string[];
}

/** An error of the server as a refusal. */
export function refusalOf(error: unknown): IRefusal {
  const message = error instanceof Error ? error.message : String(error);
  const field =
    error instanceof Error && 'field' in error && error.field !== null
      ? String(error.field)
      : '';
  const fields: Record<string, keyof IDraft> = {
    profile: 'profile',
    cluster_id: 'clusterId',
    launcher: 'launcher',
    engines: 'engines',
    options: 'options'
  };
  const [first, ...path] = field.split('.');
  return { message, field: fields[first] ?? null, path };
}
