/** What a person has filled in so far, and whether it can be meant. Pure. */

/** Names of profiles and clusters, as the server takes them. */
const NAME = /^(?!\.)[A-Za-z0-9_.-]{1,64}$/;

/** The state of the form. */
export interface IDraft {
  readonly profile: string;
  readonly clusterId: string;
  readonly launcher: string;
  readonly engines: number;
  readonly options: Readonly<Record<string, unknown>>;
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

/** How many engines the hosts that are named take in all; null when none is named. */
export function onHosts(
  options: Readonly<Record<string, unknown>>
): number | null {
  const { hosts } = options;
  if (!Array.isArray(hosts) || hosts.length === 0) {
    return null;
  }
  return hosts.reduce((sum: number, host: unknown) => {
    const engines =
      typeof host === 'object' && host !== null && 'engines' in host
        ? Number(host.engines)
        : 1;
    return sum + (Number.isInteger(engines) ? engines : 1);
  }, 0);
}

/** The options with those hosts alone that have a name already; null when none has. */
export function withNamedHosts(
  options: Readonly<Record<string, unknown>>
): Record<string, unknown> | null {
  const { hosts } = options;
  const named = (Array.isArray(hosts) ? hosts : []).filter(
    (host: unknown) =>
      typeof host === 'object' &&
      host !== null &&
      'host' in host &&
      typeof host.host === 'string' &&
      host.host !== ''
  );
  return named.length > 0 ? { ...options, hosts: named } : null;
}

/** Options without what was left empty: the server's defaults hold there. */
export function chosen(
  options: Readonly<Record<string, unknown>>
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => !isEmpty(value))
  );
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    value === '' ||
    (Array.isArray(value) && value.length === 0) ||
    (typeof value === 'object' && Object.keys(value).length === 0)
  );
}

/** Which field of the form a field of the server's error belongs to. */
export function fieldOf(field: string | null): keyof IDraft | null {
  const fields: Record<string, keyof IDraft> = {
    profile: 'profile',
    cluster_id: 'clusterId',
    launcher: 'launcher',
    engines: 'engines'
  };
  const first = field?.split('.')[0] ?? '';
  return fields[first] ?? (first === 'options' ? 'options' : null);
}
