/** What of a form's options is said to the server, and what follows from them. Pure. */

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
  const { hosts } = withNamedHosts(options) ?? {};
  const given = 'hosts' in options ? { ...options, hosts } : options;
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => !isEmpty(value))
  );
}

/**
 * What is to be said of `options` where those of the profile hold anyway:
 * nothing when they are the same. What was emptied is said as empty.
 */
export function beyond(
  options: Readonly<Record<string, unknown>>,
  ofProfile: Readonly<Record<string, unknown>>,
  schema: Readonly<Record<string, unknown>>
): Record<string, unknown> {
  const said = withoutDefaults(chosen(options), ofProfile, schema);
  if (sameOptions(said, ofProfile)) {
    return {};
  }
  const emptied = Object.entries(ofProfile)
    .filter(([name]) => !(name in said))
    .map(([name, value]) => [name, emptyLike(value)] as const)
    .filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(emptied), ...said };
}

/** Without what the form filled in by itself: it would only stand in the way of the profile. */
export function withoutDefaults(
  options: Record<string, unknown>,
  ofProfile: Readonly<Record<string, unknown>>,
  schema: Readonly<Record<string, unknown>>
): Record<string, unknown> {
  const properties = (schema.properties ?? {}) as Record<
    string,
    { default?: unknown } | undefined
  >;
  return Object.fromEntries(
    Object.entries(options).filter(
      ([name, value]) =>
        name in ofProfile ||
        properties[name]?.default === undefined ||
        properties[name].default !== value
    )
  );
}

function emptyLike(value: unknown): unknown {
  if (typeof value === 'string') {
    return '';
  }
  if (Array.isArray(value)) {
    return [];
  }
  return typeof value === 'object' && value !== null ? {} : undefined;
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

/** Whether two sets of options say the same. */
export function sameOptions(
  one: Readonly<Record<string, unknown>>,
  other: Readonly<Record<string, unknown>>
): boolean {
  return inOrder(chosen(one)) === inOrder(chosen(other));
}

function inOrder(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort())
      : one
  );
}
