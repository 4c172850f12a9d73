/**
 * Gives the fields that rjsf draws the names that are written beside them, for
 * those who listen: JupyterLab's template writes them as headings only.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Schema } from './schema';

/** What rjsf begins the ids of fields with. */
const ROOT = 'root_';

/** Name every field within `node` that has no name. */
export function nameFields(
  node: Element,
  schema: Schema,
  trans: TranslationBundle
): void {
  const properties = (schema.properties ?? {}) as Record<
    string,
    { title?: string } | undefined
  >;
  node
    .querySelectorAll('input, select, textarea')
    .forEach(field =>
      field.setAttribute('aria-label', nameOf(field.id, properties, trans))
    );
}

function nameOf(
  id: string,
  properties: Record<string, { title?: string } | undefined>,
  trans: TranslationBundle
): string {
  const path = id.startsWith(ROOT) ? id.slice(ROOT.length) : '';
  // Names of options may hold underscores themselves.
  const name = Object.keys(properties).find(
    one => path === one || path.startsWith(`${one}_`)
  );
  if (name === undefined) {
    return trans.__('Name');
  }
  const title = properties[name]?.title ?? name;
  const rest = path.slice(name.length + 1);
  return /^\d+$/.test(rest)
    ? trans.__('%1, number %2', title, Number(rest) + 1)
    : [title, rest].filter(one => one !== '').join(': ');
}
